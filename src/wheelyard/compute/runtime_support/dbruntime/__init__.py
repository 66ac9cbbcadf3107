"""What user code finds inside compute: `dbutils`, the session's identity, the notebook's magics.

This package is imported by the Python of a runtime image (3.10 or newer) and needs the standard library and IPython
only. It has the name and the entry points that the Databricks SDKs look for. The control plane imports nothing of it.
"""

from __future__ import annotations

from typing import Any

__all__ = ["UserNamespaceInitializer"]


class UserNamespaceInitializer:
    """The SDK's way to the objects that a notebook has without importing them.

    Source: databricks-sdk-py `databricks/sdk/runtime/__init__.py`.
    """

    _one: UserNamespaceInitializer | None = None

    @classmethod
    def getOrCreate(cls) -> UserNamespaceInitializer:  # noqa: N802  # the SDK's spelling
        if cls._one is None:
            cls._one = cls()
        return cls._one

    def get_namespace_globals(self) -> dict[str, Any]:
        from .namespace import notebook_names  # noqa: PLC0415  # keeps `import dbruntime` light for pip's own start

        return notebook_names()
