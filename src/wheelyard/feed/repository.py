"""The one interface of everything that can be installed from, local or not.

Three questions, asked in worker threads. A component answers them itself or asks the component below and changes the
answer; features are stacked, not switched on by flags. Which error is raised decides what the next component does:
`ProjectNotFound` lets it look elsewhere, `FileNotFound` and every other error do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from packaging.utils import NormalizedName

from wheelyard.core.errors import NotFound
from wheelyard.core.simple_api import File, Project

__all__ = ["FileNotFound", "ProjectNotFound", "Repository", "StoredFile"]


class ProjectNotFound(NotFound):
    """The repository does not know this name, so another source may be asked."""

    default_reference = "project-not-found"


class FileNotFound(NotFound):
    """The project is ours and has no such file: the search ends here."""

    default_reference = "file-not-found"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that can be sent: its listing, where its bytes lie, and its core metadata (None when it has none)."""

    project: NormalizedName
    file: File
    blob_key: str
    metadata: bytes | None


class Repository(Protocol):
    """A feed's content, or one layer of it."""

    def project_names(self) -> Sequence[NormalizedName]:
        """Answer every name, sorted."""

    def project(self, name: NormalizedName) -> Project:
        """Answer one project's listing.

        Raises:
            ProjectNotFound: the name is unknown here. A known project without files is answered, not refused.
            Unavailable: it cannot be told now; never to be taken for "unknown".
        """

    def file(self, sha256: str, filename: str) -> StoredFile:
        """Answer one file by digest and name, as a page of this repository links it.

        Raises:
            FileNotFound: no page links such a file.
            PermissionDenied: the file is held back; the text says why and until when.
        """
