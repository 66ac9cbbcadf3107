"""The store: built once, shared, never changed."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from wheelyard.compute.environments import Environment, EnvironmentStore, Pin, own_scripts
from wheelyard.compute.machine import Interpreter

PYTHON = Interpreter(Path("/usr/bin/python3.11"), (3, 11, 2), Path("/usr"), Path("/usr"))
ONE = Pin("one", "1.0", "a" * 64)
TWO = Pin("two", "1.0", "b" * 64)


@pytest.fixture
def store(tmp_path: Path) -> EnvironmentStore:
    return EnvironmentStore(tmp_path)


@pytest.fixture
def image(store: EnvironmentStore) -> Environment:
    path = store.image("image", lambda folder: folder.mkdir(parents=True))
    return Environment(path, PYTHON, path, {})


def write(name: str) -> Callable[[Path], None]:
    def place(folder: Path) -> None:
        (folder / name).write_text("content")

    return place


def test_an_image_is_built_once(store: EnvironmentStore) -> None:
    built: list[Path] = []

    def build(folder: Path) -> None:
        folder.mkdir()
        built.append(folder)

    assert store.image("key", build) == store.image("key", build)
    assert len(built) == 1


def test_a_failed_build_leaves_nothing(store: EnvironmentStore, image: Environment) -> None:
    def fail(_folder: Path) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        store.derived(image, {"one": ONE}, fail)
    assert not list((store.workshop / "building").iterdir())
    assert not list((store.folder / "environments").iterdir())


def test_the_set_is_the_key(store: EnvironmentStore, image: Environment) -> None:
    first = store.derived(image, {"one": ONE, "two": TWO}, write("x"))
    again = store.derived(image, {"two": TWO, "one": ONE}, write("never called"))
    other = store.derived(image, {"one": Pin("one", "1.0", "c" * 64), "two": TWO}, write("x"))
    assert first.path == again.path != other.path
    assert not (again.path / "never called").exists()


def test_it_grows_by_hard_link_and_the_lower_one_stays(store: EnvironmentStore, image: Environment) -> None:
    lower = store.derived(image, {"one": ONE}, write("shared"))
    upper = store.derived(lower, {"one": ONE, "two": TWO}, write("added"))
    assert (lower.path / "shared").stat().st_ino == (upper.path / "shared").stat().st_ino
    assert not (lower.path / "added").exists()
    assert upper.site_packages.joinpath("_below.pth").read_text().count("addsitedir") == 1
    assert upper.folders == (image.path, upper.path)


def test_builders_in_threads_build_once(store: EnvironmentStore, image: Environment) -> None:
    built: list[Path] = []
    barrier = threading.Barrier(4)

    def work() -> None:
        barrier.wait()
        store.derived(image, {"one": ONE}, built.append)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 1


def _build(folder: Path, log: Path) -> None:
    store = EnvironmentStore(folder)
    path = folder / "images" / "image"
    image = Environment(path, PYTHON, path, {})

    def place(_folder: Path) -> None:
        with log.open("a") as file:
            file.write("built\n")

    store.derived(image, {"one": ONE}, place)


def test_builders_in_processes_build_once(store: EnvironmentStore, image: Environment, tmp_path: Path) -> None:
    log = tmp_path / "log"
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_build, args=(store.folder, log)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert log.read_text() == "built\n"
    assert image.path.is_dir()


def test_what_nobody_asked_for_is_forgotten(store: EnvironmentStore, image: Environment) -> None:
    used = store.derived(image, {"one": ONE}, write("x"))
    unused = store.derived(image, {"two": TWO}, write("x"))
    for path in (used.path, unused.path):
        os.utime(path, (0, 0))
    store.derived(image, {"one": ONE}, write("x"))
    store.forget(unused_seconds=3600)
    assert used.path.is_dir()
    assert not unused.path.exists()


def test_pins_that_nobody_knows_stay_unknown(image: Environment) -> None:
    private = Environment(image.path, PYTHON, image.path, None)
    assert private.with_pins([ONE]) is None
    assert image.with_pins([ONE]) == {"one": ONE}


def test_scripts_start_the_environment_they_lie_in(tmp_path: Path) -> None:
    head = (
        "#!/bin/sh\n'''exec' \"$(dirname -- \"$(realpath -- \"$0\")\")\"/'/an/image/bin/python' \"$0\" \"$@\"\n' '''\n"
    )
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "hello").write_text(head + "print('/an/image/bin/python')")
    (programs / "hello").chmod(0o755)
    (programs / "other").write_text("#!/bin/sh\necho")
    (programs / "python").symlink_to("/usr/bin/python3")
    before = (programs / "hello").stat().st_ino
    own_scripts(tmp_path)
    text = (programs / "hello").read_text()
    assert "/'python' \"$0\"" in text
    assert text.endswith("print('/an/image/bin/python')")
    assert (programs / "hello").stat().st_mode & 0o111
    assert (programs / "hello").stat().st_ino != before
    assert (programs / "other").read_text() == "#!/bin/sh\necho"
