"""User code against the walls around it: the engine outside must not be led astray by what code inside left behind."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import tarfile
import textwrap
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.compute.conftest import ME, Yard, sources
from tests.compute.loopback_index import LoopbackIndex
from tests.compute.packages import wheel

from wheelyard.compute.engine import Compute, Identity, StagedFile
from wheelyard.compute.process import Command, Processes
from wheelyard.compute.sandbox import View, choose_sandbox, inner_environment
from wheelyard.core.errors import LibraryFailed
from wheelyard.core.redaction import Secret

_BACKEND = """
import glob, io, json, os, subprocess, sys, threading, time, zipfile
NAME, VERSION, WHEEL = {name!r}, "1.0", {wheel!r}
FOLDER = os.path.dirname(os.environ["TMPDIR"])

def attack(stage):
{attack}

def prepare_metadata_for_build_wheel(folder, config_settings=None):
    attack("resolve")
    info = os.path.join(folder, f"{{NAME}}-{{VERSION}}.dist-info")
    os.makedirs(info)
    with open(os.path.join(info, "METADATA"), "w") as file:
        file.write(f"Metadata-Version: 2.1\\nName: {{NAME}}\\nVersion: {{VERSION}}\\n")
    return os.path.basename(info)

def build_wheel(folder, config_settings=None, metadata_directory=None):
    attack("build")
    file = f"{{NAME}}-{{VERSION}}-py3-none-any.whl"
    with open(os.path.join(folder, file), "wb") as target:
        target.write(bytes.fromhex(WHEEL))
    return file
"""


def new_name() -> str:
    return f"w{uuid.uuid4().hex[:10]}"


def hostile_sdist(name: str, attack: str) -> dict[str, bytes]:
    """File name -> content of an sdist whose build runs `attack`, the body of a function of `stage`."""
    [built] = wheel(name).values()
    body = textwrap.indent(textwrap.dedent(attack).strip(), "    ")
    content = {
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
        "backend.py": _BACKEND.format(name=name, wheel=built.hex(), attack=body),
        "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, text in content.items():
            entry = tarfile.TarInfo(f"{name}-1.0/{path}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return {f"{name}-1.0.tar.gz": buffer.getvalue()}


@pytest.fixture
def compute(yard: Yard, index: LoopbackIndex) -> Iterator[Compute]:
    compute = yard.start(default=sources(index.url))
    yield compute
    compute.stop()


def install(compute: Compute, name: str) -> tuple[str, ...]:
    return compute.install([name], index_url=None, on_line=lambda _line: None).installed


def said(compute: Compute, code: str, identity: Identity = ME) -> list[str]:
    lines: list[str] = []
    compute.run(identity, ["-c", code], on_line=lines.append, cancelled=lambda: False)
    return lines


PLANT_LINKS = """
    for folder, _names, _files in list(os.walk(FOLDER)):
        for name in ("exact.txt", "requirements.txt"):
            try: os.symlink({victim!r}, os.path.join(folder, name))
            except OSError: pass
"""


def test_links_planted_by_a_build_lead_the_engine_nowhere(
    compute: Compute, index: LoopbackIndex, tmp_path: Path
) -> None:
    victim = tmp_path / "key-ring.json"
    victim.write_text("precious")
    name = new_name()
    index.add(hostile_sdist(name, PLANT_LINKS.format(victim=str(victim))))
    with contextlib.suppress(LibraryFailed):
        install(compute, name)
    assert victim.read_text() == "precious"


FORGE_REPORT = """
if stage == "resolve":
    evil = os.path.join(FOLDER, "{smuggled}-1.0-py3-none-any.whl")
    with open(evil, "wb") as file:
        file.write(bytes.fromhex({evil!r}))
    report = {report!r}.replace("EVIL", evil)
    if os.fork() == 0:
        os.setsid()
        os.closerange(0, 256)
        folders = [line.split()[1] for line in open("/proc/mounts")] + glob.glob(FOLDER + "/*")
        reports = [path + "/report.json" for path in folders if path.startswith("/tmp/")]
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            for path in reports:
                try:
                    if os.stat(path).st_size == 0: continue
                    with open(path, "w") as file: file.write(report)
                    os._exit(0)
                except OSError: pass
        os._exit(0)
"""


def test_a_build_that_forges_pips_report_smuggles_nothing_into_the_shared_store(
    yard: Yard, compute: Compute, index: LoopbackIndex
) -> None:
    """The forged report names a harmless wheel by its true hash, and another one in a line behind it."""
    name, harmless, smuggled = new_name(), new_name(), new_name()
    [good], [evil] = wheel(harmless).values(), wheel(smuggled).values()
    digest, other = (hashlib.sha256(content).hexdigest() for content in (good, evil))
    version = f"1.0 --hash=sha256:{digest}\n{smuggled} @ file://EVIL --hash=sha256:{other}\n{harmless}==1.0"
    url = index.bare_url.replace("/simple/", f"/files/{harmless}-1.0-py3-none-any.whl")
    item = {
        "download_info": {"url": url, "archive_info": {"hashes": {"sha256": digest}}},
        "metadata": {"name": harmless, "version": version},
    }
    report = json.dumps({"version": "1", "install": [item]})
    index.add(
        wheel(harmless) | hostile_sdist(name, FORGE_REPORT.format(evil=evil.hex(), report=report, smuggled=smuggled))
    )
    with contextlib.suppress(LibraryFailed):
        install(compute, name)
    assert not list(yard.settings.cache.rglob(f"{smuggled}.py"))


def test_the_session_cannot_redirect_what_the_engine_writes_for_its_kernel(compute: Compute, tmp_path: Path) -> None:
    victim = tmp_path / "key-ring.json"
    victim.write_text("precious")
    session = compute.open_session(ME, parameters={})
    session.execute(
        "import os\n"
        "base = os.path.dirname(os.environ['HOME'])\n"
        "for folder, names, files in list(os.walk(base)):\n"
        "    for name in {*files, 'kernel.json'}:\n"
        "        if name.endswith('.json'):\n"
        "            path = os.path.join(folder, name)\n"
        "            os.path.lexists(path) and os.unlink(path)\n"
        f"            os.symlink({str(victim)!r}, path)\n"
    )
    session.execute("%restart_python")
    assert session.execute("print(1 + 1)").text == "2\n"
    session.close()
    assert victim.read_text() == "precious"


def test_variables_of_a_cluster_do_not_reach_what_starts_the_sandbox(yard: Yard, tmp_path: Path) -> None:
    """The dynamic loader obeys variables: here it would write, with `LD_PRELOAD` it would run, outside the sandbox."""
    trace = tmp_path / "trace"
    compute = yard.start(variables={"LD_DEBUG": "files", "LD_DEBUG_OUTPUT": str(trace)})
    session = compute.open_session(ME, parameters={})
    assert session.execute("import os\nprint(os.environ['LD_DEBUG'])").text.splitlines()[-1] == "files"
    compute.stop()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "variable", [("A", "x\0--bind\0/\0/host"), ("A\0--bind\0/\0/host\0--setenv\0B", "x"), ("", "x")]
)
def test_a_variable_cannot_become_an_argument_of_the_sandbox(variable: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="no environment"):
        inner_environment(dict([variable]))


def test_who_does_not_read_what_was_handed_over_holds_nobody_up(yard: Yard, tmp_path: Path) -> None:
    processes = Processes(choose_sandbox("auto"))
    view, environment = View(), {"PATH": Secret("/usr/bin:/bin")}
    deaf = Command(("sleep", "60"), environment, view, Path("/"), Secret(b"x" * 10_000_000))
    held = processes.start(deaf, tmp_path)
    quick = processes.start(Command(("true",), environment, view, Path("/")), tmp_path)
    assert quick.wait(timeout_seconds=30) == 0
    held.kill()


def test_neighbours_on_one_compute_see_nothing_of_each_other(yard: Yard) -> None:
    compute = yard.start()
    ana, bob = (replace(ME, name=name, token=Secret(f"dapi-of-{name}")) for name in ("ana", "bob"))
    secret = StagedFile("/Workspace/Users/ana/secret.txt", b"of ana alone")
    first = compute.open_session(ana, parameters={}, files=(secret,))
    second = compute.open_session(bob, parameters={})
    place = first.execute("import os\nopen('mark', 'w').write('x')\nprint(os.getcwd())").text.strip()
    first.execute("import subprocess\nsleeping = subprocess.Popen(['sleep', '4711'])")
    seen = second.execute(
        f"import os, glob\nprint(os.path.exists({place!r}), glob.glob('/Workspace/**', recursive=True))\n"
        "print([open(path).read() for path in glob.glob('/proc/*/cmdline') if '4711' in open(path).read()])\n"
        "folders = {os.path.dirname(line.split()[-1]) for line in open('/proc/net/unix') if '/k1' in line}\n"
        "print(len([path for path in folders if os.path.exists(path)]))"
    ).text.splitlines()
    assert seen == ["False ['/Workspace/']", "[]", "1"]
    compute.stop()
