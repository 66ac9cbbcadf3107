"""Which addresses a check may reach, so that it cannot be used to look into a network from the inside.

Addresses are judged, never names or spellings: what a name or an odd number means is decided by the resolver, and the
connection then goes to an address that was judged. Loopback and globally routable addresses are allowed; every other
kind is a row below and is refused unless the operator named a network or a host. An IPv4 address inside an IPv6 one
counts as itself.

Source: IANA special-purpose address registries for IPv4 and IPv6 (RFC 6890 and its successors).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from wheelyard.control.package_repositories.plain import Plain
from wheelyard.core.errors import InvalidParameter

__all__ = ["KINDS", "AddressKind", "AddressRules", "Refusal"]

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class AddressKind:
    """One kind of address that is refused.

    Args:
        id: stable name.
        words: as in "`10.1.2.3` is …".
        networks: where it lies.
        host_is_enough: a rule that names the host lets its addresses of this kind through. Where a company's own index
            lives, it is; where a name has no business to point, a rule must name the network itself.
        source: who says so.
    """

    id: str
    words: str
    networks: tuple[Network, ...]
    host_is_enough: bool
    source: str


def _kind(kind_id: str, words: str, networks: str, source: str, *, host_is_enough: bool = False) -> AddressKind:
    return AddressKind(
        kind_id, words, tuple(ip_network(text) for text in networks.split()), host_is_enough, f"{source}; documented"
    )


KINDS: Final = (
    _kind("private", "a private address", "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16", "RFC 1918", host_is_enough=True),
    _kind("unique-local", "a private address", "fc00::/7", "RFC 4193", host_is_enough=True),
    _kind("shared", "an address of a carrier's inner network", "100.64.0.0/10", "RFC 6598", host_is_enough=True),
    _kind(
        "link-local",
        "a link-local address, where clouds keep the credentials of their machines",
        "169.254.0.0/16 fe80::/10",
        "RFC 3927, RFC 4291",
    ),
    _kind("cloud-platform", "an address of a cloud's own services", "168.63.129.16/32", "Azure virtual networks"),
    _kind("unspecified", "an address that stands for this machine", "0.0.0.0/8 ::/128", "RFC 1122, RFC 4291"),
    _kind("multicast", "a multicast address", "224.0.0.0/4 ff00::/8", "RFC 5771, RFC 4291"),
    _kind(
        "documentation",
        "an address reserved for examples",
        "192.0.2.0/24 198.51.100.0/24 203.0.113.0/24 2001:db8::/32 3fff::/20",
        "RFC 5737, RFC 3849, RFC 9637",
    ),
    _kind("benchmarking", "an address reserved for measurements", "198.18.0.0/15 2001:2::/48", "RFC 2544, RFC 5180"),
    _kind("site-local", "a private address", "fec0::/10", "RFC 3879", host_is_enough=True),
    _kind("local-translation", "an address of a network's own translator", "64:ff9b:1::/48", "RFC 8215"),
    _kind(
        "reserved",
        "a reserved address",
        "192.0.0.0/24 192.88.99.0/24 240.0.0.0/4 ::/96 2001::/23",
        "IANA special-purpose address registries",
    ),
)
"""The first row that holds an address names its kind."""

_NOT_ASSIGNED: Final = AddressKind("reserved", "a reserved address", (), host_is_enough=False, source="RFC 4291 2.4")
_GLOBAL_IPV6: Final = IPv6Network("2000::/3")
_NAT64: Final = IPv6Network("64:ff9b::/96")
_ISATAP: Final = (0x00005EFE, 0x02005EFE)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an address may not be reached. `network` is the narrowest rule that would allow it."""

    address: str
    kind: AddressKind
    network: str


@dataclass(frozen=True, slots=True)
class AddressRules:
    """What may be reached beside loopback and globally routable addresses.

    >>> rules = AddressRules.parse(["10.0.0.0/8", "pkgs.corp.example"])
    >>> rules.refusal("10.1.2.3", "10.1.2.3"), rules.refusal("pkgs.corp.example", "192.168.1.1")
    (None, None)
    >>> rules.refusal("other.corp.example", "::ffff:192.168.1.1").kind.id
    'private'
    """

    networks: tuple[Network, ...] = ()
    hosts: frozenset[str] = frozenset()

    @classmethod
    def default(cls) -> AddressRules:
        """Loopback and globally routable addresses, nothing else."""
        return cls()

    @classmethod
    def parse(cls, texts: Sequence[str]) -> AddressRules:
        """Rules as an operator writes them: networks, single addresses and host names.

        Raises:
            InvalidParameter: a text is none of them; it says what is wrong with it.
        """
        networks: list[Network] = []
        hosts: set[str] = set()
        for text in texts:
            word = text.strip()
            if _like_network(word):
                networks.append(_network(word))
            else:
                hosts.add(_host(word))
        return cls(tuple(dict.fromkeys(networks)), frozenset(hosts))

    def refusal(self, host: str, address: str) -> Refusal | None:
        """None when a connection to `host` may go to `address`, which the resolver gave for it.

        Args:
            host: as the URL names it; the case and a final dot do not matter.
            address: numeric, in any form of `ipaddress`; a zone behind `%` is left out.
        """
        given = ip_address(address.partition("%")[0])
        meant = _meant(given)
        kind = _kind_of(given, meant)
        if kind is None or self._names(given) or self._names(meant):
            return None
        if kind.host_is_enough and _plain_host(host) in self.hosts:
            return None
        return Refusal(str(given), kind, f"{meant}/{meant.max_prefixlen}")

    def _names(self, address: Address) -> bool:
        return any(address in network for network in self.networks)


def _kind_of(given: Address, meant: Address) -> AddressKind | None:
    """What speaks against an address; None for loopback and globally routable ones."""
    if meant.is_loopback:
        # Only this machine's own forms of it: what a translator makes of 127.0.0.1 is not ours to guess.
        is_own = given == meant or (isinstance(given, IPv6Address) and given.ipv4_mapped == meant)
        return None if is_own else _NOT_ASSIGNED
    for kind in KINDS:
        if any(meant in network for network in kind.networks):
            return kind
    if isinstance(meant, IPv6Address) and meant not in _GLOBAL_IPV6:
        return _NOT_ASSIGNED
    return None


def _meant(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one, where packets end; any other address as it is."""
    if isinstance(address, IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour
    if inner is None and (address in _NAT64 or (int(address) >> 32) & 0xFFFFFFFF in _ISATAP):
        inner = IPv4Address(int(address) & 0xFFFFFFFF)
    return inner or address


def _plain_host(host: str) -> str:
    return host.casefold().removesuffix(".")


_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")


def _like_network(word: str) -> bool:
    """A `/`, a `:` or a last label of digits: no host name ends so (RFC 3696 2)."""
    return "://" not in word and bool(re.search(r"[/:]|(^|\.)[0-9]+$", word))


def _network(word: str) -> Network:
    try:
        return ip_network(word)
    except ValueError:
        raise InvalidParameter(
            f"`{_shortened(word)}` names no network the check may reach",
            reference="bad-network",
            because=_what_is_wrong(word),
            unchanged="no rule was taken",
            hint=_nearest(word),
        ) from None


def _what_is_wrong(word: str) -> str:
    if any(_masked(word)):
        return "there are bits behind the prefix"
    return "it is neither a network, nor an address, nor a host name alone"


def _nearest(word: str) -> str:
    for network in _masked(word):
        return f"write `{network}` for the whole network, or `{word.partition('/')[0]}` for the one address"
    return "write a network like `10.0.0.0/8`, or a host name without scheme, port and path"


def _masked(word: str) -> Iterator[Network]:
    try:
        yield ip_network(word, strict=False)
    except ValueError:
        return


def _host(word: str) -> str:
    host = _plain_host(word)
    if len(host) <= 253 and all(_LABEL.fullmatch(label) for label in host.split(".")):
        return host
    raise InvalidParameter(
        f"`{_shortened(word)}` names no host the check may reach",
        reference="bad-host-rule",
        because="it is neither a network nor a host name alone",
        unchanged="no rule was taken",
        hint="write a network like `10.0.0.0/8`, or a host name without scheme, port, path and wildcard",
    )


def _shortened(word: str) -> str:
    """As it was written, without credentials: a whole index URL is pasted here sooner or later."""
    return Plain()(word, 80)
