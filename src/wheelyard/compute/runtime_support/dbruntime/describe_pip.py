"""Says what this environment's own pip takes this machine for, as JSON on standard output.

`tags` are in pip's order, the best first. `reads_core_metadata` is whether pip knows the newer name of what a page says
of metadata: the older one, as JSON, stops a pip that does not. PEP 714.

Source: pip 22.2 to 26.x, `pip/_internal/utils/compatibility_tags.py` and `models/link.py`.
"""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path


def main() -> None:
    """Print it. The module is read and not run: it would import half of pip."""
    from pip._internal.utils.compatibility_tags import get_supported  # noqa: PLC0415  # only an image's Python has it
    from pip._vendor.packaging.markers import default_environment  # noqa: PLC0415  # as above

    link = find_spec("pip._internal.models.link")
    answer = {
        "tags": [str(tag) for tag in get_supported()],
        "markers": default_environment(),
        "reads_core_metadata": bool(link and link.origin and '"core-metadata"' in Path(link.origin).read_text("utf-8")),
    }
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
