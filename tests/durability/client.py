"""What is written over HTTP while the server is killed, and how each acknowledged write is looked up afterwards.

A kind of write is a row: how to ask for it, and a check that a later server still knows it.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import io
import json
import uuid
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

__all__ = ["KINDS", "Connection", "Gone", "Kind", "Written", "prepare"]

SCOPE, FOLDER, FEED = "durability", "/Shared/durability", "durability"


class Gone(Exception):  # it is what the test waits for
    """The server does not answer any more."""


@dataclass
class Answer:
    status: int
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


class Connection:
    """One kept-alive connection; not for several threads."""

    def __init__(self, host: str, token: str) -> None:
        self._http = http.client.HTTPConnection(urlsplit(host).netloc, timeout=30)
        self._token = token

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        sent = {
            "Authorization": f"Bearer {self._token}",
            **{key.replace("_", "-"): value for key, value in headers.items()},
        }
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        try:
            self._http.request(method, path, content, sent)
            answer = self._http.getresponse()
            return Answer(answer.status, answer.read())
        except (OSError, http.client.HTTPException) as error:
            raise Gone from error

    def basic(self) -> str:
        return f"Basic {base64.b64encode(f'any:{self._token}'.encode()).decode()}"


@dataclass
class Written:
    """An acknowledged write."""

    kind: Kind
    name: str
    answer: Any
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Kind:
    name: str
    write: Callable[[Connection, str], Answer]
    is_there: Callable[[Connection, Written], bool]


def prepare(connection: Connection) -> None:
    """Make the scope, folder and feed that the writes go to."""
    for method, path, body in (
        ("POST", "/api/2.0/secrets/scopes/create", {"scope": SCOPE}),
        ("POST", "/api/2.0/workspace/mkdirs", {"path": FOLDER}),
        ("POST", "/api/2.0/wheelyard/feeds", {"name": FEED, "organization": FEED}),
    ):
        answer = connection.ask(method, path, body, Content_Type="application/json")
        assert answer.status == 200, answer.content


def content_of(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest() * 20


def _post(path: str, body: Callable[[str], dict[str, Any]]) -> Callable[[Connection, str], Answer]:
    return lambda connection, name: connection.ask("POST", path, body(name), Content_Type="application/json")


def _secret_is_there(connection: Connection, written: Written) -> bool:
    answer = connection.ask("GET", f"/api/2.0/secrets/get?scope={SCOPE}&key={written.name}")
    return answer.status == 200 and base64.b64decode(answer.json["value"]).decode() == content_of(written.name)


def _token_is_there(connection: Connection, written: Written) -> bool:
    value = written.answer["token_value"]
    answer = connection.ask("GET", "/api/2.0/preview/scim/v2/Me", Authorization=f"Bearer {value}")
    return answer.status == 200


def _file_is_there(connection: Connection, written: Written) -> bool:
    path = quote(f"{FOLDER}/{written.name}")
    answer = connection.ask("GET", f"/api/2.0/workspace/export?path={path}&format=AUTO")
    return answer.status == 200 and base64.b64decode(answer.json["content"]).decode() == content_of(written.name)


def _user_is_there(connection: Connection, written: Written) -> bool:
    answer = connection.ask("GET", f"/api/2.0/preview/scim/v2/Users/{written.answer['id']}")
    return answer.status == 200 and answer.json["userName"] == f"{written.name}@example.com"


def _job_is_there(connection: Connection, written: Written) -> bool:
    answer = connection.ask("GET", f"/api/2.2/jobs/get?job_id={written.answer['job_id']}")
    return answer.status == 200 and answer.json["settings"]["name"] == written.name


def _upload(connection: Connection, name: str) -> Answer:
    project = f"p{name.replace('-', '.')}"
    filename, wheel = _wheel(project)
    fields = {
        ":action": "file_upload",
        "protocol_version": "1",
        "metadata_version": "2.1",
        "name": project,
        "version": "1.0",
        "filetype": "bdist_wheel",
        "pyversion": "py3",
        "sha256_digest": hashlib.sha256(wheel).hexdigest(),
    }
    boundary = uuid.uuid4().hex
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
        for key, value in fields.items()
    ]
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="content"; filename="{filename}"\r\n\r\n'
    body = "".join(parts).encode() + head.encode() + wheel + f"\r\n--{boundary}--\r\n".encode()
    path = f"/{FEED}/_packaging/{FEED}/pypi/upload/"
    kind = f"multipart/form-data; boundary={boundary}"
    return connection.ask("POST", path, body, Content_Type=kind, Authorization=connection.basic())


def _upload_is_there(connection: Connection, written: Written) -> bool:
    project = f"p{written.name.replace('-', '.')}"
    base = f"/{FEED}/_packaging/{FEED}/pypi/simple/{project.replace('.', '-')}/"
    accept = {"Accept": "application/vnd.pypi.simple.v1+json", "Authorization": connection.basic()}
    page = connection.ask("GET", base, **accept)
    if page.status != 200:
        return False
    file = page.json["files"][0]
    url = urlsplit(file["url"]).path
    while url.startswith("../"):
        url, base = url[3:], base.rstrip("/").rpartition("/")[0] + "/"
    content = connection.ask("GET", url if url.startswith("/") else base + url, Authorization=connection.basic())
    return content.status == 200 and hashlib.sha256(content.content).hexdigest() == file["hashes"]["sha256"]


def _wheel(project: str) -> tuple[str, bytes]:
    escaped = project.replace(".", "_").replace("-", "_")
    folder = f"{escaped}-1.0.dist-info"
    contents = {
        f"{escaped}.py": "answer = 42\n",
        f"{folder}/METADATA": f"Metadata-Version: 2.1\nName: {project}\nVersion: 1.0\n",
        f"{folder}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [f"{path},sha256={_digest(text)},{len(text)}" for path, text in contents.items()]
    contents[f"{folder}/RECORD"] = "\n".join([*record, f"{folder}/RECORD,,", ""])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in contents.items():
            archive.writestr(path, text)
    return f"{escaped}-1.0-py3-none-any.whl", buffer.getvalue()


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


KINDS = (
    Kind(
        "secret",
        _post("/api/2.0/secrets/put", lambda name: {"scope": SCOPE, "key": name, "string_value": content_of(name)}),
        _secret_is_there,
    ),
    Kind("token", _post("/api/2.0/token/create", lambda name: {"comment": name}), _token_is_there),
    Kind(
        "file",
        _post(
            "/api/2.0/workspace/import",
            lambda name: {
                "path": f"{FOLDER}/{name}",
                "format": "AUTO",
                "content": base64.b64encode(content_of(name).encode()).decode(),
            },
        ),
        _file_is_there,
    ),
    Kind("upload", _upload, _upload_is_there),
    Kind(
        "user",
        _post("/api/2.0/preview/scim/v2/Users", lambda name: {"userName": f"{name}@example.com"}),
        _user_is_there,
    ),
    Kind(
        "job",
        _post(
            "/api/2.2/jobs/create",
            lambda name: {
                "name": name,
                "tasks": [{"task_key": "t", "notebook_task": {"notebook_path": "/Shared/n"}, "environment_key": "e"}],
                "environments": [{"environment_key": "e", "spec": {"client": "2"}}],
            },
        ),
        _job_is_there,
    ),
)
