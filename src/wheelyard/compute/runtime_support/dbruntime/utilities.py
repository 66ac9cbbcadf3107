"""`dbutils`: secrets, widgets, the notebook's exit and the library's restart."""

from __future__ import annotations

import base64
from typing import Any

from . import rest
from .session import current
from .signals import NotebookExit, PythonRestart

__all__ = ["DBUtils"]


class SecretScope(dict[str, Any]):
    """One row of `listScopes`, with attribute access as on Databricks."""

    @property
    def name(self) -> str:
        return str(self["name"])

    def getName(self) -> str:  # noqa: N802  # Databricks' spelling
        return self.name


class SecretMetadata(dict[str, Any]):
    """One row of `list`."""

    @property
    def key(self) -> str:
        return str(self["key"])


class Secrets:
    """`dbutils.secrets`."""

    def get(self, scope: str, key: str) -> str:
        """The secret as text. What a cell prints of it is replaced by `[REDACTED]`."""
        return self.getBytes(scope, key).decode("utf-8")

    def getBytes(self, scope: str, key: str) -> bytes:  # noqa: N802  # Databricks' spelling
        answer = rest.get("/api/2.0/secrets/get", scope=scope, key=key)
        return base64.b64decode(answer.get("value", ""))

    def list(self, scope: str) -> list[SecretMetadata]:
        answer = rest.get("/api/2.0/secrets/list", scope=scope)
        return [SecretMetadata(key=row["key"]) for row in answer.get("secrets", [])]

    def listScopes(self) -> list[SecretScope]:  # type: ignore[valid-type]  # noqa: N802  # `list` is the method above
        answer = rest.get("/api/2.0/secrets/scopes/list")
        return [SecretScope(name=row["name"]) for row in answer.get("scopes", [])]


class Widgets:
    """`dbutils.widgets`: parameters of the run, and defaults for those that were not given."""

    def __init__(self) -> None:
        self._defaults: dict[str, str] = {}
        self._removed: set[str] = set()

    def text(self, name: str, defaultValue: str, label: str = "") -> None:  # noqa: ARG002, N803  # Databricks' signature
        self._defaults[name] = str(defaultValue)
        self._removed.discard(name)

    def dropdown(self, name: str, defaultValue: str, choices: list[str], label: str = "") -> None:  # noqa: ARG002, N803
        self.text(name, defaultValue)

    combobox = multiselect = dropdown

    def get(self, name: str) -> str:
        """The parameter's value, or the widget's default.

        Raises:
            KeyError: neither a parameter nor a widget has this name.
        """
        values = self.getAll()
        if name not in values:
            raise KeyError(f"No input widget named {name} is defined")
        return values[name]

    def getArgument(self, name: str, defaultValue: str | None = None) -> str:  # noqa: N802, N803
        values = self.getAll()
        return values[name] if name in values or defaultValue is None else defaultValue

    def getAll(self) -> dict[str, str]:  # noqa: N802
        session = current()
        given = session.parameters if session else {}
        return {name: value for name, value in {**self._defaults, **given}.items() if name not in self._removed}

    def remove(self, name: str) -> None:
        self._removed.add(name)

    def removeAll(self) -> None:  # noqa: N802
        self._removed.update(self.getAll())


class Answer:
    """The JVM's `Option`, as notebooks that reach into the entry point expect it."""

    def __init__(self, value: str) -> None:
        self._value = value

    def get(self) -> str:
        return self._value

    def getOrElse(self, other: Any) -> Any:  # noqa: N802
        return self._value or other


class EntryPoint:
    """`dbutils.notebook.entry_point.getDbutils().notebook().getContext()`."""

    def getDbutils(self) -> EntryPoint:  # noqa: N802
        return self

    def notebook(self) -> EntryPoint:
        return self

    def getContext(self) -> EntryPoint | None:  # noqa: N802
        return self if current() else None

    def apiUrl(self) -> Answer:  # noqa: N802
        return Answer(self._session("host"))

    def apiToken(self) -> Answer:  # noqa: N802
        return Answer(self._session("token"))

    def userName(self) -> Answer:  # noqa: N802
        return Answer(self._session("user"))

    def workspaceId(self) -> Answer:  # noqa: N802
        return Answer(self._session("workspace_id"))

    def clusterId(self) -> Answer:  # noqa: N802
        return Answer(self._session("cluster_id"))

    def _session(self, name: str) -> str:
        return str(getattr(current(), name, ""))


class Notebook:
    """`dbutils.notebook`."""

    entry_point = EntryPoint()

    def exit(self, value: str = "") -> None:
        """End the notebook here; `value` becomes its result."""
        raise NotebookExit(str(value))

    def getContext(self) -> EntryPoint | None:  # noqa: N802
        return self.entry_point.getContext()


class Library:
    """`dbutils.library`."""

    def restartPython(self) -> None:  # noqa: N802  # Databricks' spelling
        """Start Python anew; notebook-scoped libraries stay, variables do not."""
        raise PythonRestart


class DBUtils:
    """What notebooks know as `dbutils`."""

    def __init__(self) -> None:
        self.secrets = Secrets()
        self.widgets = Widgets()
        self.notebook = Notebook()
        self.library = Library()

    def help(self) -> str:
        """What there is."""
        return "There are dbutils.secrets, dbutils.widgets, dbutils.notebook.exit and dbutils.library.restartPython"

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"dbutils.{name} is not offered here. {self.help()}")
