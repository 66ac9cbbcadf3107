"""Why an upload is not taken. Each names the file, what was seen in it and what was needed."""

from __future__ import annotations

from wheelyard.core.errors import AlreadyExists, BadRequest, LimitExceeded

__all__ = ["FileExists", "TooLarge", "UploadRefused", "VersionBurnt"]

NOTHING_STORED = "nothing was stored"


class UploadRefused(BadRequest):
    """The file or its form is not what a package index takes."""

    default_reference = "upload-refused"

    def __init__(self, what: str, *, reference: str = "", because: str = "", hint: str = "") -> None:
        super().__init__(what, reference=reference, because=because, unchanged=NOTHING_STORED, hint=hint)


class TooLarge(LimitExceeded):
    """More bytes than one upload may bring."""

    default_reference = "file-too-large"

    def __init__(self, what: str, *, because: str = "") -> None:
        super().__init__(what, because=because, unchanged=NOTHING_STORED)


class FileExists(AlreadyExists):
    """The name is taken by other content.

    Clients know this case by its first words, `File already exists`. Source: warehouse's legacy API;
    facts/packaging.md C3.
    """

    default_reference = "file-exists"

    def __init__(self, filename: str, taken_by: str) -> None:
        other = "" if taken_by == filename else f", as `{taken_by}`"
        super().__init__(
            f"File already exists (`{filename}`{other}, with other content)",
            because="a file is never replaced: what was installed once stays what it was",
            unchanged="the file there is as it was",
            hint="build the change under a new version",
        )


class VersionBurnt(BadRequest):
    """The version was deleted. The text must not read like `FileExists`, which clients skip."""

    default_reference = "version-burnt"

    def __init__(self, filename: str, version: str) -> None:
        super().__init__(
            f"File `{filename}` cannot be uploaded: version {version} was deleted from this feed",
            because="a version number is used once: installers may have kept the deleted file",
            unchanged=NOTHING_STORED,
            hint="upload a new version",
        )
