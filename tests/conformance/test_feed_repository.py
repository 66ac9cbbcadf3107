"""What every repository must do, whatever it is made of."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name
from tests.feed.conftest import ADMIN, build_world, metadata_text, sdist, upload_fields, wheel

from wheelyard.feed.access import Grant
from wheelyard.feed.components.local import LocalRepository
from wheelyard.feed.form import ReceivedFile, UploadForm
from wheelyard.feed.repository import FileNotFound, ProjectNotFound, Repository
from wheelyard.storage.blobs import Blobs

FILES = (wheel("Acme.Lib", "1.0"), sdist("acme-lib", "1.0"), wheel("acme-lib", "1.1"), wheel("zeta", "2"))


def local(folder: Path) -> tuple[Repository, Blobs, Callable[[], None]]:
    world = build_world(folder)
    feed = world.create()
    for filename, content in FILES:
        path = folder / filename
        path.write_bytes(content)
        fields = {name: (value,) for name, value in upload_fields(filename, content).items()}
        digests = (fields["sha256_digest"][0], fields["blake2_256_digest"][0])
        form = UploadForm(fields, ReceivedFile(filename, path, len(content), *digests))
        world.app._uploads.take(form, Grant(feed.feed_id, "OWNER", ADMIN.name))

    def close() -> None:
        world.app.close()
        world.database.close()

    return LocalRepository(world.database, feed.feed_id), world.blobs, close


MAKERS = {"local": local}
"""A component is done when it is listed here and passes, stocked with FILES."""


@pytest.fixture(params=MAKERS)
def stocked(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Repository, Blobs]]:
    repository, blobs, close = MAKERS[request.param](tmp_path)
    yield repository, blobs
    close()


def test_names_are_normalised_sorted_and_complete(stocked: tuple[Repository, Blobs]) -> None:
    assert list(stocked[0].project_names()) == ["acme-lib", "zeta"]


def test_every_listed_file_can_be_had_with_the_bytes_its_listing_promises(stocked: tuple[Repository, Blobs]) -> None:
    repository, blobs = stocked
    contents = dict(FILES)
    seen = set()
    for name in repository.project_names():
        project = repository.project(name)
        assert project.name == name
        for file in project.files:
            stored = repository.file(file.sha256, file.filename)
            assert (stored.project, stored.file) == (name, file)
            content = blobs.get(stored.blob_key)
            assert content == contents[file.filename]
            assert (hashlib.sha256(content).hexdigest(), len(content)) == (file.sha256, file.size_bytes)
            assert (stored.metadata is None) == (file.metadata_sha256 == "")
            if stored.metadata is not None:
                assert hashlib.sha256(stored.metadata).hexdigest() == file.metadata_sha256
            seen.add(file.filename)
    assert seen == set(contents)


def test_metadata_is_the_wheels_own(stocked: tuple[Repository, Blobs]) -> None:
    repository, _ = stocked
    (file,) = repository.project(canonicalize_name("zeta")).files
    assert repository.file(file.sha256, file.filename).metadata == metadata_text("zeta", "2")
    assert file.uploaded_at is not None


def test_unknown_projects_and_files_are_told_apart(stocked: tuple[Repository, Blobs]) -> None:
    repository, _ = stocked
    with pytest.raises(ProjectNotFound):
        repository.project(canonicalize_name("nope"))
    (file,) = repository.project(canonicalize_name("zeta")).files
    with pytest.raises(FileNotFound):
        repository.file("0" * 64, file.filename)
    with pytest.raises(FileNotFound):
        repository.file(file.sha256, "other.whl")
