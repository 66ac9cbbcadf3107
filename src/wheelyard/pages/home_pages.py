"""The overview, and the way into Settings."""

from __future__ import annotations

from collections.abc import Callable

from wheelyard.control.caller import Caller
from wheelyard.control.operation import ADMIN, SIGNED_IN
from wheelyard.pages.page import Answer, Moved, Page, PageRequest, Shown

__all__ = ["PAGES", "HomePages"]


class HomePages:
    """Pages that say where things are.

    Args:
        default_summary: where the workspace default stands, in one sentence for this caller; empty to say nothing.
    """

    def __init__(self, default_summary: Callable[[Caller], str]) -> None:
        self._default_summary = default_summary

    def home(self, request: PageRequest) -> Answer:
        """The overview."""
        caller = request.caller
        return Shown("home.html", {"summary": self._default_summary(caller), "host": caller.request.base_url})

    def settings(self, request: PageRequest) -> Answer:
        """The first page of Settings that this caller may see."""
        return Moved("/settings/compute" if request.caller.is_admin else "/settings/sessions")

    def compute(self, request: PageRequest) -> Answer:
        """The admin settings of compute, one row each."""
        return Shown("compute_settings.html", {"summary": self._default_summary(request.caller)})


PAGES: tuple[Page[HomePages], ...] = (
    Page("GET", "/", HomePages.home, needs=SIGNED_IN),
    Page("GET", "/settings", HomePages.settings, needs=SIGNED_IN),
    Page("GET", "/settings/compute", HomePages.compute, needs=ADMIN),
)
