"""Small distribution files for the tests' own indexes."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Mapping, Sequence

_BACKEND = """
import io, zipfile
NAME, VERSION = {name!r}, {version!r}
INFO = f"{{NAME}}-{{VERSION}}.dist-info"
FILES = {{
    f"{{NAME}}.py": "built = True\\n",
    f"{{INFO}}/METADATA": f"Metadata-Version: 2.1\\nName: {{NAME}}\\nVersion: {{VERSION}}\\n",
    f"{{INFO}}/WHEEL": "Wheel-Version: 1.0\\nGenerator: t\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    f"{{INFO}}/RECORD": "",
}}

def build_wheel(folder, config_settings=None, metadata_directory=None):
    import os
    file = f"{{NAME}}-{{VERSION}}-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, file), "w") as archive:
        for path, text in FILES.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return file
"""


def wheel(
    name: str,
    version: str = "1.0",
    *,
    requires: Sequence[str] = (),
    files: Mapping[str, str] | None = None,
    scripts: Mapping[str, str] | None = None,
    headers: Sequence[str] = (),
    tag: str = "py3-none-any",
) -> dict[str, bytes]:
    """File name -> content of one wheel.

    Args:
        scripts: console scripts, as in `{"hello": "module:function"}`.
        headers: further lines of its metadata.
        tag: what its name says it runs on; a build tag may stand before it.
    """
    info = f"{name}-{version}.dist-info"
    content = dict(files or {f"{name}.py": f"version = {version!r}\n"})
    content[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + "".join(
        f"{line}\n" for line in (*headers, *(f"Requires-Dist: {one}" for one in requires))
    )
    tags = "-".join(tag.split("-")[-3:])
    content[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: {tags}\n"
    if scripts:
        lines = "".join(f"{script} = {target}\n" for script, target in scripts.items())
        content[f"{info}/entry_points.txt"] = f"[console_scripts]\n{lines}"
    content[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in (*content, f"{info}/RECORD"))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in content.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return {f"{name}-{version}-{tag}.whl": buffer.getvalue()}


def sdist(name: str, version: str = "1.0") -> dict[str, bytes]:
    """File name -> content of one sdist that brings its own build backend."""
    content = {
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
        "backend.py": _BACKEND.format(name=name, version=version),
        "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, text in content.items():
            entry = tarfile.TarInfo(f"{name}-{version}/{path}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return {f"{name}-{version}.tar.gz": buffer.getvalue()}
