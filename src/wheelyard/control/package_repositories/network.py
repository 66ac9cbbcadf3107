"""The way a check takes to a server: every name resolved once, every address judged, every wait bounded.

It stands below the HTTP library as its network: the library asks for a host, and gets a connection to an address that
was judged, so no second look-up can lead elsewhere. TLS still proves the name. What goes wrong here is told apart here,
where the socket's own errors are still to be seen.
"""

from __future__ import annotations

import errno
import os
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_address
from typing import Any, Final

import httpcore2

from wheelyard.control.package_repositories.addresses import AddressRules
from wheelyard.control.package_repositories.outcomes import Met
from wheelyard.control.package_repositories.plain import Phrase

__all__ = ["Deadline", "JudgedNetwork", "JudgedStream", "Resolver", "TlsRefused", "system_resolver"]

Resolver = Callable[[str, int], Sequence[str]]
"""Host and port to numeric addresses. Raises `socket.gaierror` as `socket.getaddrinfo` does."""

_MOST_ADDRESSES: Final = 8
_NO_SUCH_NAME: Final = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
_NO_TLS: Final = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "UNKNOWN_PROTOCOL"}
_PLAIN_PORT_HINT: Final = "look whether a firewall drops the packets, and whether the port is one that speaks TLS"


def system_resolver(host: str, port: int) -> Sequence[str]:
    """Ask this machine, which reads numbers in any spelling, its hosts file and its name service."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_kinds, address in found))


class Deadline:
    """The moment at which a check ends, whatever it is waiting for."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self, stage: str, hint: str = "look at the index and at the network between here and there") -> float:
        """Seconds left for this stage, more than 0.

        Raises:
            Met: none are left.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise self.passed(stage, hint)
        return left

    def passed(self, stage: str, hint: str = "look at the index and at the network between here and there") -> Met:
        """What to raise when a wait of `left` seconds was in vain."""
        return Met("timed-out", seconds=f"{self.seconds:g}", stage=Phrase(stage), hint=Phrase(hint))


class TlsRefused(Exception):
    """This side did not accept the server's certificate. The reason is found out on a connection of its own."""

    def __init__(self, error: ssl.SSLCertVerificationError) -> None:
        super().__init__(error.verify_message)
        self.error = error


_CONNECTING: Final = "no connection was established"
_AGREEING: Final = "the connection was there, and TLS was not agreed on"
_ANSWERING: Final = "the connection was there, and no answer came, or not to its end"


class JudgedNetwork(httpcore2.NetworkBackend):
    """Connects to what the rules allow and to nothing else.

    Args:
        seen: what happened on the way is written down here.
    """

    def __init__(self, allowed: AddressRules, resolver: Resolver, deadline: Deadline, seen: list[Phrase]) -> None:
        self._allowed = allowed
        self._resolver = resolver
        self._deadline = deadline
        self._seen = seen
        self._resolved: dict[tuple[str, int], list[str]] = {}
        self.stream: JudgedStream | None = None

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002, the library's; the deadline is ours
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> JudgedStream:
        """A connection to one of the host's addresses, all of which were judged.

        Raises:
            Met: there is none.
        """
        self.stream = JudgedStream(self.connect(host, port), host, port, self._deadline)
        return self.stream

    def connect(self, host: str, port: int) -> socket.socket:
        """The same as a bare socket."""
        addresses = self._addresses(host, port)
        for number, address in enumerate(addresses):
            try:
                return self._connect(address, port, share=len(addresses) - number)
            except OSError as error:
                self._seen.append(Phrase("`{address}`: {reason}", {"address": address, "reason": _reason(error)}))
                met = self._cause(error, host, port)
        raise met

    def _connect(self, address: str, port: int, share: int) -> socket.socket:
        """One try, which takes its share of the time that is left: a dead address must not cost the living ones."""
        connection = socket.create_connection((address, port), self._deadline.left(_CONNECTING) / share)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _cause(self, error: OSError, host: str, port: int) -> Met:
        if isinstance(error, TimeoutError):
            return self._deadline.passed(
                _CONNECTING, "look whether a firewall between here and there drops the packets"
            )
        if isinstance(error, ConnectionRefusedError):
            return Met("refused", host=host, port=str(port))
        return Met("unreachable", host=host, reason=_reason(error))

    def _addresses(self, host: str, port: int) -> list[str]:
        """The addresses of a host, looked up once a check: what was judged stays what is used."""
        if (host, port) not in self._resolved:
            found = self._look_up(host, port)[:_MOST_ADDRESSES]
            if not found:
                raise Met("name-not-found", host=host)
            for address in found:
                self._judge(host, address)
            if found != [host]:
                self._seen.append(Phrase("`{host}` is at {addresses}", {"host": host, "addresses": tuple(found)}))
            self._resolved[host, port] = found
        return self._resolved[host, port]

    def _judge(self, host: str, address: str) -> None:
        refusal = self._allowed.refusal(host, address)
        if refusal is not None:
            kind, network = Phrase(refusal.kind.words), refusal.network
            raise Met("address-not-allowed", host=host, address=refusal.address, kind=kind, network=network)

    def _look_up(self, host: str, port: int) -> list[str]:
        """Ask the resolver, and stop waiting for it when the time is up: it has no limit of its own."""
        answers: queue.SimpleQueue[Sequence[str] | Exception] = queue.SimpleQueue()
        asking = threading.Thread(target=_ask, args=(self._resolver, host, port, answers), daemon=True)
        stage = "the name service gave no answer"
        left = self._deadline.left(stage)
        asking.start()
        try:
            answer = answers.get(timeout=left)
        except queue.Empty:
            raise self._deadline.passed(stage, "look at the name service of this workspace's machine") from None
        if isinstance(answer, socket.gaierror) and answer.errno not in _NO_SUCH_NAME:
            raise Met("name-service-failed", host=host)
        if isinstance(answer, Exception):
            raise Met("name-not-found", host=host)
        return list(dict.fromkeys(str(ip_address(one)) for one in answer))


def _ask(resolver: Resolver, host: str, port: int, answers: queue.SimpleQueue[Sequence[str] | Exception]) -> None:
    """What a resolver raises is passed on, whatever it is: the thread that waits must hear of it."""
    try:
        answers.put(resolver(host, port))
    except Exception as error:  # noqa: BLE001
        answers.put(error)


class JudgedStream(httpcore2.NetworkStream):
    """One connection, whose every wait ends with the check.

    It remembers how its answer began: a TLS record where HTTP was expected is told from any other noise.
    """

    def __init__(self, connection: socket.socket, host: str, port: int, deadline: Deadline) -> None:
        self._socket = connection
        self._host = host
        self._port = port
        self._deadline = deadline
        self.begun = b""

    @property
    def socket(self) -> socket.socket:
        return self._socket

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        try:
            self._socket.settimeout(self._deadline.left(_ANSWERING))
            data = self._socket.recv(max_bytes)
        except TimeoutError:
            raise self._deadline.passed(_ANSWERING) from None
        except ssl.SSLError as error:
            raise Met("tls-failed", host=self._host, reason=tls_reason(error)) from None
        except OSError as error:
            raise httpcore2.ReadError(_reason(error)) from None
        self.begun = self.begun or data[:16]
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        """An error is not the last word: a server may answer before it has read everything."""
        try:
            self._socket.settimeout(self._deadline.left(_ANSWERING))
            self._socket.sendall(buffer)
        except TimeoutError:
            raise self._deadline.passed(_ANSWERING) from None
        except OSError as error:
            raise httpcore2.WriteError(_reason(error)) from None

    def close(self) -> None:
        self._socket.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> JudgedStream:
        """Agree on TLS with the named server. A final dot is left out of the name, as in certificates.

        Raises:
            TlsRefused: the certificate was not accepted.
            Met: there was no agreement for another reason.
        """
        name = (server_hostname or self._host).removesuffix(".")
        try:
            self._socket.settimeout(self._deadline.left(_AGREEING, _PLAIN_PORT_HINT))
            self._socket = ssl_context.wrap_socket(self._socket, server_hostname=name)
        except ssl.SSLCertVerificationError as error:
            raise TlsRefused(error) from None
        except TimeoutError:
            raise self._deadline.passed(_AGREEING, _PLAIN_PORT_HINT) from None
        except (OSError, ValueError) as error:
            raise self._no_tls(error) from None
        return self

    def get_extra_info(self, info: str) -> Any:
        """Nothing: each connection carries one request, and there is no second protocol to choose."""

    def _no_tls(self, error: OSError | ValueError) -> Met:
        if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
            if error.reason in _NO_TLS:
                return not_encrypted(self._host, self._port)
            return Met("tls-failed", host=self._host, reason=tls_reason(error))
        if isinstance(error, ValueError):
            return Met("tls-failed", host=self._host, reason="the host name cannot stand in a certificate")
        return Met("closed-without-answer", host=self._host, stage=Phrase("while TLS was being agreed on"))


def not_encrypted(host: str, port: int) -> Met:
    """The URL says https where plain text is spoken."""
    observed = Phrase("speaks without TLS")
    return Met("tls-not-spoken", host=host, observed=observed, port=str(port), scheme="https", wanted="http")


def encrypted(host: str, port: int) -> Met:
    """The URL says http where TLS is spoken."""
    observed = Phrase("speaks TLS")
    return Met("tls-not-spoken", host=host, observed=observed, port=str(port), scheme="http", wanted="https")


def tls_reason(error: ssl.SSLError) -> str:
    """OpenSSL's own name for what went wrong, in small letters; its numbers and source lines say nothing to anybody."""
    return (error.reason or "the connection failed").replace("_", " ").lower()


def _reason(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if error.errno is not None and error.errno in errno.errorcode:
        return os.strerror(error.errno).lower()
    return "the connection failed"
