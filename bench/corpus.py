"""The corpus: wheels that are the same to the byte for the same arguments, and a static index of them.

Project number i has `1 + 7i mod 20` small files, so 10.5 on average. Four further projects have a fixed shape: twenty
files of 50 KB, one small file, one middle and one large file.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import random
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from bench.run import Run

__all__ = ["LARGE", "MIDDLE", "ONE", "TWENTY", "Corpus", "Wheel", "build_wheel", "corpus_with", "write_index"]

TWENTY, ONE, MIDDLE, LARGE = "probe-twenty", "probe-one", "probe-middle", "probe-large"

_DATE = (2024, 1, 1, 0, 0, 0)
_WORDS = ("data", "spark", "model", "feature", "event", "report", "ledger", "sensor")
_MOST_FILES = 20
_SMALL, _PROBE = 1500, 50_000
_MB = 1_000_000
_SAMPLE = 5000


@dataclass(frozen=True, slots=True)
class Wheel:
    """One file, its content and the core metadata in it."""

    project: str
    version: str
    filename: str
    content: bytes
    metadata: bytes


@dataclass(frozen=True, slots=True)
class Corpus:
    """A corpus on disk: `packages/PROJECT/FILE`, and `simple/` as a static index."""

    folder: Path
    names: tuple[str, ...]

    @property
    def sample(self) -> list[str]:
        """Some thousand projects in random order, always the same ones."""
        small = [name for name in self.names if name.startswith("corp-")]
        return random.Random(7).sample(small, min(len(small), _SAMPLE))  # noqa: S311 # not a secret

    def files(self, project: str) -> list[Path]:
        return sorted((self.folder / "packages" / project).glob("*.whl"))

    @property
    def size(self) -> int:
        """How many files there are."""
        return sum(len(self.files(name)) for name in self.names)


def build_wheel(project: str, version: str, size: int) -> Wheel:
    """A valid wheel around `size` bytes that do not compress."""
    module = project.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    metadata = (
        f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n"
        "Summary: synthetic benchmark wheel\nRequires-Python: >=3.9\n\n"
    ).encode()
    members = {
        f"{module}/__init__.py": f"VERSION = {version!r}\n".encode(),
        f"{module}/payload.bin": random.Random(project + version).randbytes(size),  # noqa: S311 # not a secret
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: bench\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [f"{path},{_record_hash(content)},{len(content)}" for path, content in members.items()]
    members[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""]).encode()
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path, content in members.items():
            archive.writestr(zipfile.ZipInfo(path, _DATE), content)
    return Wheel(project, version, f"{module}-{version}-py3-none-any.whl", buffer.getvalue(), metadata)


def corpus_with(run: Run, projects: int) -> Corpus:
    """A corpus of so many small projects and its static index: written, or the one of an earlier run."""
    large_mb = run.scale.large_mb
    folder = run.kept / f"corpus-{projects}-{large_mb}"
    stamp = folder / "corpus.json"
    if stamp.exists():
        return Corpus(folder, tuple(json.loads(stamp.read_text())))
    run.say(f"writing a corpus of {projects:,} projects")
    names = []
    for project, versions in _plan(projects, large_mb):
        names.append(project)
        target = folder / "packages" / project
        target.mkdir(parents=True, exist_ok=True)
        for version, size in versions:
            wheel = build_wheel(project, version, size)
            (target / wheel.filename).write_bytes(wheel.content)
            (target / f"{wheel.filename}.metadata").write_bytes(wheel.metadata)
        _write_page(folder, project, sorted(target.glob("*.whl")))
    _write_list(folder, sorted(names))
    stamp.write_text(json.dumps(sorted(names)))
    return Corpus(folder, tuple(sorted(names)))


def write_index(folder: Path, projects: dict[str, list[Path]]) -> None:
    """A static index for `packages/PROJECT/FILE`, each with its `.metadata` beside it."""
    for project, files in projects.items():
        _write_page(folder, project, files)
    _write_list(folder, sorted(projects))


def _plan(projects: int, large_mb: int) -> Iterator[tuple[str, list[tuple[str, int]]]]:
    yield TWENTY, [(f"1.{number}.0", _PROBE) for number in range(20)]
    yield ONE, [("1.0.0", _SMALL)]
    yield MIDDLE, [("1.0.0", large_mb * _MB // 4)]
    yield LARGE, [("1.0.0", large_mb * _MB)]
    for number in range(projects):
        count = 1 + 7 * number % _MOST_FILES
        name = f"corp-{_WORDS[number % len(_WORDS)]}-{number:05d}"
        yield name, [(f"1.{minor}.0", _SMALL) for minor in range(count)]


def _write_page(folder: Path, project: str, files: list[Path]) -> None:
    page = folder / "simple" / project
    page.mkdir(parents=True, exist_ok=True)
    rows = [_row(project, path) for path in files]
    links = "\n".join(_anchor(row) for row in rows)
    (page / "index.html").write_text(
        '<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.1">'
        f"<title>Links for {project}</title></head><body><h1>Links for {project}</h1>\n{links}\n</body></html>\n"
    )
    content = {"meta": {"api-version": "1.1"}, "name": project, "versions": _versions(rows), "files": rows}
    (page / "index.json").write_text(json.dumps(content, separators=(",", ":")))


def _row(project: str, path: Path) -> dict[str, object]:
    content = path.read_bytes()
    metadata = path.with_name(f"{path.name}.metadata").read_bytes()
    needs = next((line[17:] for line in metadata.decode().split("\n") if line.startswith("Requires-Python: ")), "")
    row: dict[str, object] = {
        "filename": path.name,
        "url": f"../../packages/{project}/{path.name}",
        "hashes": {"sha256": hashlib.sha256(content).hexdigest()},
        "size": len(content),
        "upload-time": "2024-01-01T00:00:00.000000Z",
        "core-metadata": {"sha256": hashlib.sha256(metadata).hexdigest()},
        "yanked": False,
    }
    return {**row, "requires-python": needs} if needs else row


def _anchor(row: dict[str, object]) -> str:
    digests = [str(value["sha256"]) for value in (row["hashes"], row["core-metadata"]) if isinstance(value, dict)]
    needs = html.escape(str(row.get("requires-python", "")))
    marks = f' data-requires-python="{needs}"' if needs else ""
    marks += "".join(f' data-{name}="sha256={digests[1]}"' for name in ("dist-info-metadata", "core-metadata"))
    return f'<a href="{row["url"]}#sha256={digests[0]}"{marks}>{row["filename"]}</a><br>'


def _versions(rows: list[dict[str, object]]) -> list[str]:
    return list(dict.fromkeys(str(row["filename"]).split("-")[1] for row in rows))


def _write_list(folder: Path, names: list[str]) -> None:
    target = folder / "simple"
    links = "\n".join(f'<a href="{name}/">{name}</a><br>' for name in names)
    (target / "index.html").write_text(
        '<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.1">'
        f"<title>Simple index</title></head><body>\n{links}\n</body></html>\n"
    )
    content = {"meta": {"api-version": "1.1"}, "projects": [{"name": name} for name in names]}
    (target / "index.json").write_text(json.dumps(content, separators=(",", ":")))


def _record_hash(content: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
