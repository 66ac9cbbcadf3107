"""A realistic set of requirements: downloaded once, pinned, and served as a static index.

pip downloads it with whatever this machine's own configuration says.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from bench.corpus import Wheel, write_index
from bench.run import Absent, Run
from bench.tools import installing
from wheelyard.compute.machine import Interpreter

__all__ = ["RequirementSet", "requirement_set"]

_WANTED = (
    *("pandas", "numpy", "pyarrow", "scikit-learn", "fastapi", "sqlalchemy", "requests", "boto3", "rich"),
    *("pydantic", "matplotlib", "openpyxl", "httpx", "pytest", "mlflow-skinny", "databricks-sdk", "pyyaml", "jinja2"),
)
_READY = ".ready"
_FEW = ("rich", "requests", "jinja2")


@dataclass(frozen=True, slots=True)
class RequirementSet:
    """Wheels below `folder` as a static index, all of them pinned.

    Args:
        module: one that its first name can be imported by.
    """

    folder: Path
    projects: dict[str, list[Path]]
    module: str

    @property
    def pins(self) -> str:
        """As a requirements file."""
        files = [path for paths in self.projects.values() for path in paths]
        return "".join(sorted("{}=={}\n".format(*path.name.split("-")[:2]) for path in files))

    @property
    def wheels(self) -> list[Wheel]:
        return [
            Wheel(project, path.name.split("-")[1], path.name, path.read_bytes(), b"")
            for project, paths in self.projects.items()
            for path in paths
        ]


def requirement_set(run: Run, interpreter: Interpreter) -> RequirementSet | Absent:
    """The set for this Python, kept among the tools."""
    wanted = _WANTED if run.scale.packages else _FEW
    folder = run.tools / f"set-{len(wanted)}-{interpreter.name}"
    with installing(run):
        problem = None if (folder / _READY).exists() else _download(run, folder, interpreter, wanted)
    if problem is not None:
        return problem
    packages = sorted((folder / "packages").iterdir())
    return RequirementSet(folder, {one.name: sorted(one.glob("*.whl")) for one in packages}, wanted[0])


def _download(run: Run, folder: Path, interpreter: Interpreter, wanted: tuple[str, ...]) -> Absent | None:
    run.say("downloading the requirement set")
    shutil.rmtree(folder, ignore_errors=True)
    words = [sys.executable, "-m", "pip", "--python", str(interpreter.executable), "download", "--quiet"]
    words += ["--disable-pip-version-check", "--only-binary", ":all:", "--dest", str(folder / "wheels"), *wanted]
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:]
        return Absent(f"the requirement set could not be downloaded: {last[0] if last else 'pip failed'}")
    _arrange(folder)
    (folder / _READY).touch()
    return None


def _arrange(folder: Path) -> None:
    for path in sorted((folder / "wheels").glob("*.whl")):
        project = re.sub(r"[-_.]+", "-", path.name.split("-")[0]).lower()
        target = folder / "packages" / project
        target.mkdir(parents=True, exist_ok=True)
        placed = path.rename(target / path.name)
        with zipfile.ZipFile(placed) as archive:
            names = archive.namelist()
            inside = next(name for name in names if name.endswith(".dist-info/METADATA") and name.count("/") == 1)
            placed.with_name(f"{placed.name}.metadata").write_bytes(archive.read(inside))
    packages = sorted((folder / "packages").iterdir())
    write_index(folder, {one.name: sorted(one.glob("*.whl")) for one in packages})
