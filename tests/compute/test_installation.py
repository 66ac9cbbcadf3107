"""Libraries on compute: pip decides, uv places, and nobody sees the token."""

from __future__ import annotations

import ssl
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import trustme
from tests.compute.conftest import NEW_PIP, OLD_PIP, Yard, sources
from tests.compute.json_index import JsonIndex
from tests.compute.loopback_index import TOKEN, USER, LoopbackIndex
from tests.compute.packages import sdist, wheel

from wheelyard.compute.engine import Compute, StagedFile
from wheelyard.core.errors import InvalidState, LaunchFailed, LibraryFailed
from wheelyard.core.redaction import Secret


def name() -> str:
    """A project nobody has installed before, so that no earlier run's environment answers."""
    return f"p{uuid.uuid4().hex[:10]}"


def install(
    compute: Compute, *requirement: str, index_url: str | None = None, files: Sequence[StagedFile] = ()
) -> tuple[tuple[str, ...], list[str]]:
    lines: list[str] = []
    url = None if index_url is None else Secret(index_url)
    return compute.install(requirement, index_url=url, on_line=lines.append, files=files).installed, lines


def ask(compute: Compute, code: str) -> list[str]:
    """Run a program on the compute and return what it prints."""
    from tests.compute.conftest import ME

    lines: list[str] = []
    result = compute.run(ME, ["-c", code], on_line=lines.append, cancelled=lambda: False)
    assert result.exit_code == 0, lines
    return lines


@pytest.mark.parametrize(
    ("python", "pip"), [("3.10", "22.3.1"), ("3.11", OLD_PIP), ("3.11", NEW_PIP), ("3.12", "25.3")]
)
def test_a_library_and_what_it_needs_come_from_the_workspace_default(
    yard: Yard, index: LoopbackIndex, python: str, pip: str
) -> None:
    top, below = name(), name()
    index.add(wheel(top, "2.0", requires=[f"{below}>=1"]) | wheel(below, "1.5"))
    compute = yard.start(default=sources(index.url), pip=pip, python=python)
    installed, lines = install(compute, f"{top}==2.0")
    assert installed == tuple(sorted((f"{top}==2.0", f"{below}==1.5")))
    assert f"Looking in indexes: http://{USER}:****@127.0.0.1:{index.server_port}/simple/" in lines
    assert any(line.startswith(f"Collecting {top}") for line in lines)
    assert lines[-1] == "Successfully installed " + " ".join(sorted((f"{top}-2.0", f"{below}-1.5")))
    assert not any(TOKEN in line or "Would install" in line for line in lines)
    assert ask(compute, f"import {top}, {below}; print({top}.version, {below}.version)") == ["2.0 1.5"]
    compute.stop()


def test_uv_placed_it_and_it_is_byte_compiled(yard: Yard, index: LoopbackIndex) -> None:
    project = name()
    index.add(
        wheel(project, scripts={"hello-yard": f"{project}:hello"}, files={f"{project}.py": "def hello(): print('hi')"})
    )
    compute = yard.start(default=sources(index.url))
    install(compute, project)
    assert {agent for agent, path in index.asked if path.startswith("/files/")} >= {"uv"}
    code = f"import {project}, os, importlib.util as u; print(os.path.exists(u.cache_from_source({project}.__file__)))"
    assert ask(compute, code) == ["True"]
    assert ask(compute, "import subprocess; print(subprocess.check_output('hello-yard', text=True), end='')") == ["hi"]
    assert ask(compute, f"import {project}, os; print(os.stat({project}.__file__).st_nlink)") == ["2"]
    compute.stop()


def test_nobody_but_uv_is_shown_its_cache(yard: Yard, cache: Path) -> None:
    compute = yard.start()
    assert (cache / "workshop" / "uv").is_dir()
    assert ask(compute, f"import os; print(os.path.exists({str(cache / 'workshop')!r}))") == ["False"]
    compute.stop()


@pytest.fixture
def json_index() -> Iterator[JsonIndex]:
    index = JsonIndex()
    yield index
    index.close()


def agents(index: LoopbackIndex) -> set[str]:
    return {agent for agent, _path in index.asked}


def test_of_a_pinned_set_nothing_is_left_for_pip(yard: Yard, json_index: JsonIndex) -> None:
    top, below = name(), name()
    json_index.add(wheel(top, "2.0", requires=[f"{below}>=1"]) | wheel(below, "1.5"))
    text = f"{top}==2.0\n{below}==1.5\n".encode()
    files = [StagedFile("/Workspace/Shared/pins.txt", text)]
    first, second = yard.start(default=sources(json_index.url)), yard.start(default=sources(json_index.url))
    installed, lines = install(first, "-r", "/Workspace/Shared/pins.txt", files=files)
    assert installed == tuple(sorted((f"{top}==2.0", f"{below}==1.5")))
    assert lines[0] == f"Looking in indexes: http://{USER}:****@127.0.0.1:{json_index.server_port}/simple/"
    assert lines[-1] == "Successfully installed " + " ".join(sorted((f"{top}-2.0", f"{below}-1.5")))
    assert not any(TOKEN in line for line in lines)
    assert agents(json_index) == {"wheelyard", "uv"}
    code = f"import {top}, {below}, os, importlib.util as u; print(os.path.exists(u.cache_from_source({top}.__file__)))"
    assert ask(first, code) == ["True"]
    json_index.asked.clear()
    assert install(second, "-r", "/Workspace/Shared/pins.txt", files=files)[0] == installed
    assert sorted(json_index.asked) == sorted(("wheelyard", f"/simple/{project}/") for project in (top, below))
    where = f"import {top}; print({top}.__file__)"
    assert ask(first, where) == ask(second, where)
    assert install(second, f"{top}==2.0")[0] == ()
    first.stop()
    second.stop()


def test_pip_decides_when_pins_turn_out_to_need_more(yard: Yard, json_index: JsonIndex) -> None:
    top, below = name(), name()
    json_index.add(wheel(top, "2.0", requires=[f"{below}>=1"]) | wheel(below, "1.5"))
    compute = yard.start(default=sources(json_index.url))
    installed, lines = install(compute, f"{top}==2.0")
    assert installed == tuple(sorted((f"{top}==2.0", f"{below}==1.5")))
    assert any(line.startswith(f"Collecting {top}") for line in lines)
    assert "pip" in agents(json_index)
    assert ask(compute, f"import {top}, {below}; print({below}.version)") == ["1.5"]
    compute.stop()


def test_pip_decides_when_the_file_is_not_what_the_page_says(yard: Yard, json_index: JsonIndex) -> None:
    project = name()
    json_index.add(wheel(project))
    json_index.told = {f"{project}-1.0-py3-none-any.whl": {"hashes": {"sha256": "0" * 64}}}
    compute = yard.start(default=sources(json_index.url))
    with pytest.raises(LibraryFailed) as failed:
        install(compute, f"{project}==1.0")
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in failed.value.what
    compute.stop()


def test_the_report_says_where_each_file_came_from(yard: Yard, index: LoopbackIndex) -> None:
    project = name()
    index.add(wheel(project))
    compute = yard.start(default=sources(index.url))
    result = compute.install([project], index_url=None, on_line=lambda _line: None)
    assert result.origins[f"{project}==1.0"].startswith(f"http://127.0.0.1:{index.server_port}/files/")
    assert compute.install([project], index_url=None, on_line=lambda _line: None).installed == ()
    compute.stop()


def test_an_upgrade_replaces(yard: Yard, index: LoopbackIndex) -> None:
    project = name()
    index.add(wheel(project, "1.0") | wheel(project, "2.0"))
    compute = yard.start(default=sources(index.url))
    install(compute, f"{project}==1.0")
    install(compute, f"{project}==2.0")
    found = f"[d for d in m.distributions() if d.name == '{project}']"
    code = f"import importlib.metadata as m; print(m.version('{project}'), len({found}))"
    assert ask(compute, code) == ["2.0 1"]
    compute.stop()


def test_identical_sets_share_one_environment(yard: Yard, index: LoopbackIndex) -> None:
    first, second = name(), name()
    index.add(wheel(first) | wheel(second))
    one, two = yard.start(default=sources(index.url)), yard.start(default=sources(index.url))
    install(one, first)
    install(one, second)
    install(two, second)
    placed = [path for agent, path in index.asked if agent == "uv"]
    install(two, first)
    assert [path for agent, path in index.asked if agent == "uv"] == placed
    where = "import {0}; print({0}.__file__)"
    assert ask(one, where.format(first)) == ask(two, where.format(first))
    one.stop()
    two.stop()


def test_compute_that_shares_cannot_change_what_it_shares(yard: Yard, index: LoopbackIndex) -> None:
    project = name()
    index.add(wheel(project))
    compute = yard.start(default=sources(index.url))
    install(compute, project)
    code = f"""
import {project}, os
for path in ({project}.__file__, os.path.dirname({project}.__file__) + "/new.py"):
    try:
        open(path, "a").close()
    except OSError as problem:
        print(type(problem).__name__, problem.errno)
"""
    assert ask(compute, code) == ["OSError 30", "OSError 30"]
    compute.stop()


def test_an_sdist_is_built_by_pip_in_the_sandbox_and_shared(yard: Yard, index: LoopbackIndex) -> None:
    project, plain = name(), name()
    index.add(sdist(project) | wheel(plain, requires=[project]))
    one, two = yard.start(default=sources(index.url)), yard.start(default=sources(index.url))
    assert install(one, plain)[0] == tuple(sorted((f"{plain}==1.0", f"{project}==1.0")))
    install(two, plain)
    where = f"import {project}; print({project}.built, {project}.__file__)"
    assert ask(one, where) == ask(two, where)
    assert ask(one, where)[0].startswith("True")
    one.stop()
    two.stop()


def test_an_index_without_hashes_still_installs(yard: Yard, index: LoopbackIndex) -> None:
    project = name()
    index.hashes = False
    index.add(wheel(project))
    compute = yard.start(default=sources(index.url), pip=NEW_PIP)
    assert install(compute, project)[0] == (f"{project}==1.0",)
    assert ask(compute, f"import {project}; print({project}.version)") == ["1.0"]
    compute.stop()


def test_on_a_tie_the_file_that_pip_took_is_in_place(yard: Yard, index: LoopbackIndex) -> None:
    project, other = name(), LoopbackIndex()
    index.add(wheel(project, files={f"{project}.py": "source = 'index'"}))
    other.add(wheel(project, files={f"{project}.py": "source = 'extra'"}))
    compute = yard.start(default=sources(index.url, other.url))
    install(compute, project)
    assert ask(compute, f"import {project}; print({project}.source)") == ["extra"]
    compute.stop()
    other.close()


def test_a_library_of_its_own_repo_uses_that_index(yard: Yard, index: LoopbackIndex) -> None:
    project, other = name(), LoopbackIndex(token="another-token-of-a-repo")
    index.add(wheel(project, files={f"{project}.py": "source = 'default'"}))
    other.add(wheel(project, files={f"{project}.py": "source = 'repo'"}))
    compute = yard.start(default=sources(index.url))
    _installed, lines = install(compute, project, index_url=other.url)
    assert ask(compute, f"import {project}; print({project}.source)") == ["repo"]
    assert not index.asked
    assert not any(other.token in line for line in lines)
    compute.stop()
    other.close()


def test_a_wheel_of_the_workspace(yard: Yard, index: LoopbackIndex) -> None:
    project, below = name(), name()
    index.add(wheel(below))
    [(file, content)] = wheel(project, requires=[below]).items()
    compute = yard.start(default=sources(index.url))
    path = f"/Workspace/Users/me/{file}"
    installed, _lines = install(compute, path, files=[StagedFile(path, content)])
    assert installed == tuple(sorted((f"{project}==1.0", f"{below}==1.0")))
    assert ask(compute, f"import {project}; print({project}.version)") == ["1.0"]
    compute.stop()


def test_a_requirements_file_of_the_workspace_with_its_own_index(yard: Yard, index: LoopbackIndex) -> None:
    project, other = name(), LoopbackIndex(token="")
    index.add(wheel(project, "9.0"))
    other.add(wheel(project, "1.0"))
    compute = yard.start(default=sources(index.url))
    text = f"--index-url {other.url}\n{project}\n"
    files = [StagedFile("/Workspace/requirements.txt", text.encode())]
    installed, _lines = install(compute, "-r", "/Workspace/requirements.txt", files=files)
    assert installed == (f"{project}==1.0",)
    assert ask(compute, f"import {project}; print({project}.version)") == ["1.0"]
    assert install(compute, "-r", "/Workspace/requirements.txt", files=files)[0] == ()
    with pytest.raises(LibraryFailed):
        install(compute, "-r", "/Workspace/requirements.txt")
    assert not index.asked
    compute.stop()
    other.close()


def test_serverless_dependencies_are_there_when_it_has_started(yard: Yard, index: LoopbackIndex) -> None:
    one, two = name(), name()
    [(file, content)] = wheel(two).items()
    index.add(wheel(one))
    compute = yard.start(
        default=sources(index.url),
        requirements=(f"{one}>=1", f"/Workspace/Shared/{file}"),
        files=(StagedFile(f"/Workspace/Shared/{file}", content),),
    )
    assert ask(compute, f"import {one}, {two}; print({one}.version)") == ["1.0"]
    compute.stop()


def test_serverless_dependencies_that_fail_leave_nothing_running(yard: Yard, index: LoopbackIndex) -> None:
    before = set(yard.settings.folder.iterdir())
    with pytest.raises(LaunchFailed) as failed:
        yard.start(default=sources(index.url), requirements=(name(),))
    assert failed.value.code == "NO_MATCHING_DISTRIBUTION_ERROR"
    assert set(yard.settings.folder.iterdir()) == before
    assert TOKEN not in failed.value.what


def test_no_such_distribution(yard: Yard, index: LoopbackIndex) -> None:
    compute = yard.start(default=sources(index.url))
    with pytest.raises(LibraryFailed) as failed:
        install(compute, name())
    assert failed.value.code == "NO_MATCHING_DISTRIBUTION_ERROR"
    assert "No matching distribution found" in failed.value.what
    compute.stop()


def test_conflict(yard: Yard, index: LoopbackIndex) -> None:
    one, two, three = name(), name(), name()
    index.add(
        wheel(one, requires=[f"{three}==1"])
        | wheel(two, requires=[f"{three}==2"])
        | wheel(three, "1")
        | wheel(three, "2")
    )
    compute = yard.start(default=sources(index.url), variables={"PIP_RETRIES": "0"})
    with pytest.raises(LibraryFailed) as failed:
        install(compute, one, two)
    assert failed.value.code == "DRIVER_LIBRARY_INSTALLATION_FAILURE"
    compute.stop()


@pytest.mark.parametrize("status", [401, 403, 500])
def test_an_index_that_refuses(yard: Yard, index: LoopbackIndex, status: int) -> None:
    index.status = status
    index.add(wheel(project := name()))
    compute = yard.start(default=sources(index.url), variables={"PIP_RETRIES": "0"})
    with pytest.raises(LibraryFailed) as failed:
        install(compute, project)
    assert TOKEN not in failed.value.what
    compute.stop()


def test_stopping_ends_an_installation_that_hangs(yard: Yard, index: LoopbackIndex) -> None:
    index.delay_seconds = 30
    compute = yard.start(default=sources(index.url))
    problems: list[Exception] = []

    def attempt() -> None:
        try:
            install(compute, "anything")
        except (LibraryFailed, InvalidState) as problem:
            problems.append(problem)

    thread = threading.Thread(target=attempt)
    thread.start()
    while not index.asked:
        threading.Event().wait(0.02)
    compute.stop()
    thread.join()
    index.delay_seconds = 0
    assert len(problems) == 1


def test_no_command_line_holds_the_token_while_it_installs(yard: Yard, index: LoopbackIndex) -> None:
    one, two = name(), name()
    index.add(wheel(one) | wheel(two) | sdist(three := name()))
    compute = yard.start(default=sources(index.url))
    seen, done = set[str](), threading.Event()

    def watch() -> None:
        while not done.is_set():
            seen.update(_command_lines())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        install(compute, one)
        install(compute, two, index_url=index.url)
        install(compute, three)
    finally:
        done.set()
        watcher.join()
    assert any("run_module.py" in line for line in seen)
    assert not any(TOKEN in line for line in seen)
    compute.stop()


def _command_lines() -> Iterator[str]:
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield place.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue


@pytest.fixture(scope="module")
def private_ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls_index(private_ca: trustme.CA) -> Iterator[LoopbackIndex]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    private_ca.issue_cert("localhost").configure_cert(context)
    index = LoopbackIndex(tls=context)
    yield index
    index.close()


@pytest.mark.parametrize("pip", [OLD_PIP, NEW_PIP])
def test_an_index_behind_a_private_authority(
    yard: Yard, tls_index: LoopbackIndex, private_ca: trustme.CA, pip: str
) -> None:
    project = name()
    tls_index.add(wheel(project))
    pem = private_ca.cert_pem.bytes().decode()
    compute = yard.start(default=sources(tls_index.url, certificate=pem), pip=pip)
    install(compute, project)
    agents = {agent for agent, path in tls_index.asked if path.startswith("/files/")}
    assert "uv" in agents
    code = "import os; print(open(os.environ['SSL_CERT_FILE']).read().count('BEGIN CERTIFICATE') > 5)"
    assert ask(compute, code) == ["True"]
    compute.stop()


def test_without_its_authority_the_index_is_refused(yard: Yard, tls_index: LoopbackIndex) -> None:
    tls_index.add(wheel(project := name()))
    compute = yard.start(default=sources(tls_index.url), variables={"PIP_RETRIES": "0"})
    with pytest.raises(LibraryFailed):
        install(compute, project)
    compute.stop()


def test_installations_of_many_computes_at_once(yard: Yard, index: LoopbackIndex) -> None:
    projects = [name() for _ in range(3)]
    for project in projects:
        index.add(wheel(project))
    computes = [yard.start(default=sources(index.url)) for _ in range(3)]
    problems: list[BaseException] = []

    def work(task: Callable[[], object]) -> None:
        try:
            task()
        except BaseException as problem:  # noqa: BLE001  # shown below
            problems.append(problem)

    threads = [threading.Thread(target=work, args=(lambda c=compute: install(c, *projects),)) for compute in computes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    where = [ask(compute, f"import {projects[0]}; print({projects[0]}.__file__)") for compute in computes]
    assert where[0] == where[1] == where[2]
    for compute in computes:
        compute.stop()
