"""The names a notebook has without importing them."""

from __future__ import annotations

from typing import Any

from .utilities import DBUtils

__all__ = ["display", "displayHTML", "notebook_names"]

_DBUTILS = DBUtils()


def display(*objects: Any, **options: Any) -> None:
    """Show objects in the richest form they have."""
    from IPython.display import display as show  # noqa: PLC0415  # programs get along without IPython

    show(*objects, **options)


def displayHTML(html: str) -> None:  # noqa: N802  # Databricks' spelling
    """Show HTML."""
    from IPython.display import HTML  # noqa: PLC0415  # as above
    from IPython.display import display as show  # noqa: PLC0415

    show(HTML(html))


def get_argument(name: str, default: str | None = None) -> str:
    """`getArgument`, the old form of `dbutils.widgets.get`."""
    return _DBUTILS.widgets.getArgument(name, default)


def notebook_names() -> dict[str, Any]:
    """Name -> object. There is no Spark in it: `spark` and its friends are absent, not None."""
    return {"dbutils": _DBUTILS, "display": display, "displayHTML": displayHTML, "getArgument": get_argument}
