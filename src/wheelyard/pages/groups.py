"""All pages with the objects that answer them."""

from __future__ import annotations

from typing import Any

from wheelyard.control.package_repositories.service import PackageRepositories
from wheelyard.control.sign_in.service import SignIn
from wheelyard.pages import home_pages, repository_pages, session_pages, sign_in_pages
from wheelyard.pages.page import PageGroup

__all__ = ["page_groups"]


def page_groups(sign_in: SignIn, repositories: PackageRepositories) -> tuple[PageGroup[Any], ...]:
    """In the order of a visit."""
    return (
        PageGroup("sign-in", sign_in_pages.PAGES, sign_in_pages.SignInPages(sign_in)),
        PageGroup("home", home_pages.PAGES, home_pages.HomePages(repositories.summary)),
        PageGroup("sessions", session_pages.PAGES, session_pages.SessionPages(sign_in)),
        PageGroup(
            "package-repositories",
            repository_pages.PAGES,
            repository_pages.RepositoryPages(repositories, sign_in),
        ),
    )
