"""What user code can and cannot see."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.compute.conftest import ME, Yard, sources
from tests.compute.loopback_index import TOKEN, LoopbackIndex

from wheelyard.compute.engine import Compute, Identity, StagedFile
from wheelyard.compute.sandbox import Bubblewrap, NoSandbox, View, choose_sandbox, describe_sandbox
from wheelyard.core.errors import InvalidState
from wheelyard.core.redaction import Secret

HERE = os.getpid()


@pytest.fixture(scope="module")
def compute(yard: Yard) -> Iterator[Compute]:
    if yard.engine.sandbox == "none":
        pytest.skip("bubblewrap does not work on this machine")
    compute = yard.start(default=sources("https://reader:hidden-t0ken@index.example/simple/"))
    yield compute
    compute.stop()


def ask(compute: Compute, code: str) -> object:
    lines: list[str] = []
    compute.run(ME, ["-c", f"import json, os, pathlib\n{code}"], on_line=lines.append, cancelled=lambda: False)
    return json.loads(lines[-1])


def test_the_data_folder_and_the_key_ring_do_not_exist(compute: Compute, yard: Yard, tmp_path: Path) -> None:
    key_ring = tmp_path / "key-ring"
    key_ring.write_text("keys")
    beside = yard.settings.folder.parent / "key-ring"
    beside.write_text("keys")
    for place in (
        key_ring,
        beside,
        Path.home() / ".profile",
        Path("/etc/shadow"),
        Path(__file__),
        Path("/etc/ssl/private"),
    ):
        assert ask(compute, f"print(json.dumps(os.path.exists({str(place)!r})))") is False, place
    beside.unlink()


def test_other_compute_is_out_of_sight(compute: Compute, yard: Yard) -> None:
    other = yard.start()
    code = f"print(json.dumps(sorted(os.listdir({str(yard.settings.folder)!r}))))"
    assert ask(compute, code) == [compute.compute_id]
    other.stop()


def test_other_programs_of_the_same_compute_are_out_of_sight(compute: Compute) -> None:
    session = compute.open_session(ME, parameters={})
    code = "print(json.dumps([str(p) for p in pathlib.Path(os.environ['HOME']).parents[2].glob('*/*/home')]))"
    found = ask(compute, code)
    assert isinstance(found, list)
    assert len(found) == 1
    session.close()


def test_processes_of_the_machine_are_out_of_sight(compute: Compute) -> None:
    code = "print(json.dumps([open(f'/proc/{p}/cmdline').read() for p in os.listdir('/proc') if p.isdigit()]))"
    found = ask(compute, code)
    assert isinstance(found, list)
    assert not any("-m\0pytest" in line for line in found)
    assert len(found) <= 3


def test_it_is_an_unprivileged_user_who_cannot_write_to_the_system(compute: Compute) -> None:
    assert ask(compute, "import pwd; print(json.dumps([os.getuid(), pwd.getpwuid(os.getuid()).pw_name]))") == [
        1000,
        "spark",
    ]
    code = """
def attempt(path):
    try:
        open(path, "w").close()
    except OSError:
        return False
    return True
places = "/usr/x", "/etc/pip.conf", "/Workspace/x", "/tmp/x", os.environ["HOME"] + "/x"
print(json.dumps([attempt(place) for place in places]))
"""
    assert ask(compute, code) == [False, False, False, True, True]


def test_tmp_is_its_own(compute: Compute) -> None:
    marker = Path("/tmp") / f"seen-{HERE}"
    marker.write_text("")
    assert ask(compute, f"print(json.dumps(os.path.exists({str(marker)!r})))") is False
    marker.unlink()


def test_the_global_pip_file_is_the_computes(compute: Compute) -> None:
    code = "print(json.dumps([l for l in open('/etc/pip.conf').read().split() if 'index.example' in l]))"
    assert ask(compute, code) == ["https://reader:****@index.example/simple/"]


def test_certificates_and_names_can_be_looked_up(compute: Compute) -> None:
    code = "import socket; print(json.dumps([socket.gethostbyname('localhost'), os.path.exists('/etc/ssl/certs')]))"
    assert ask(compute, code) == ["127.0.0.1", Path("/etc/ssl/certs").exists()]


def test_staged_files_are_replaced(compute: Compute) -> None:
    files = [StagedFile("/Workspace/a/one.txt", b"1"), StagedFile("/Workspace/b/two.txt", b"2")]
    session = compute.open_session(ME, parameters={}, files=files)
    session.stage([StagedFile("/Workspace/a/one.txt", b"new")])
    code = "import pathlib; {str(p): p.read_text() for p in pathlib.Path('/Workspace').rglob('*') if p.is_file()}"
    assert session.execute(code).text == "{'/Workspace/a/one.txt': 'new'}"
    session.close()
    with pytest.raises(InvalidState):
        session.stage([])


SEEN = """
import json, os, pathlib, tempfile
marker = pathlib.Path(os.environ[{variable!r}]) / "mine.txt"
found = (p for top in ("/tmp", "/Workspace") for p in pathlib.Path(top).rglob("*.txt"))
before = sorted(str(p) for p in found if p.name in ("own.txt", "mine.txt"))
marker.write_text("")
around = pathlib.Path(os.environ["HOME"]).parent
others = sorted(p.name for p in (*around.parent.iterdir(), *around.parent.parent.iterdir()))
print(json.dumps([before, others == sorted([around.name, around.parent.name, "etc"]), str(marker)]))
"""


@pytest.mark.parametrize("variable", ["HOME", "TMPDIR", "VIRTUAL_ENV"])
def test_identities_on_one_compute_do_not_see_each_others_folders(compute: Compute, variable: str) -> None:
    code = SEEN.format(variable=variable)
    marker = ""
    for who in ("ana", "ben"):
        identity = Identity(f"{who}@example.com", ME.host, Secret(f"token-of-{who}"), ME.workspace_id)
        path = f"/Workspace/Users/{who}@example.com/own.txt"
        session = compute.open_session(identity, parameters={}, files=[StagedFile(path, who.encode())])
        seen, alone, fresh = json.loads(session.execute(code).text)
        assert (seen, alone) == ([path], True)
        if marker:
            assert session.execute(f"import os; os.path.exists({marker!r})").text == "False"
            assert session.execute("open('/Workspace/x', 'w')").error_name == "OSError"
        marker = fresh


def test_a_link_in_place_of_our_own_files_leads_us_nowhere(compute: Compute, tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("as it was")
    session = compute.open_session(ME, parameters={})
    code = f"""
import os, pathlib, shutil
folder = pathlib.Path(os.environ["HOME"]).parent
for path in (folder / "kernel.json", folder / "workspace", *folder.rglob("*.json")):
    path.unlink(missing_ok=True)
    path.symlink_to({str(target)!r})
"""
    assert session.execute(code).status == "ok"
    session.stage([StagedFile("/Workspace/a.txt", b"staged")])
    assert session.execute("%restart_python").status == "ok"
    assert session.execute("print(open('/Workspace/a.txt').read())").text == "staged\n"
    assert target.read_text() == "as it was"
    session.close()


def test_the_machines_own_settings_do_not_leak_in(
    yard: Yard, index: LoopbackIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    strange = {
        "PIP_INDEX_URL": "http://127.0.0.1:9/leak",
        "SSL_CERT_DIR": "/leak",
        "REQUESTS_CA_BUNDLE": "/leak",
        "AWS_SECRET": "leak",
    }
    for variable, value in strange.items():
        monkeypatch.setenv(variable, value)
    compute = yard.start(default=sources(index.url))
    found = ask(compute, "print(json.dumps(dict(os.environ)))")
    assert isinstance(found, dict)
    assert not any("leak" in value for value in found.values())
    assert TOKEN not in json.dumps(found)
    compute.stop()


def test_it_is_described_in_a_sentence() -> None:
    assert not describe_sandbox("none").confined
    report = describe_sandbox()
    assert report.confined is (choose_sandbox("auto").name == "bubblewrap")
    assert report.text


def test_deeper_mounts_come_later() -> None:
    view = View(readable=(Path("/a/b/c"),), writable=(Path("/a"),), placed={"/a/b/d": Path("/x")})
    command = Bubblewrap("bwrap", ()).command(("true",), view, Path("/"))
    places = [command.index(path) for path in ("/a", "/a/b/c", "/a/b/d")]
    assert places == sorted(places)
    assert command[-3:] == ("/", "--", "true")


def test_without_a_sandbox_orphans_are_ended_where_the_machine_can() -> None:
    assert NoSandbox(None).command(("true",), View(), Path("/")) == ("true",)
    assert NoSandbox("/usr/bin/setpriv").command(("true",), View(), Path("/"))[1:] == (
        "--pdeathsig",
        "KILL",
        "--",
        "true",
    )
