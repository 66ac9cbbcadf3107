"""Run a Python module with arguments that arrive on standard input.

A command line can be read by every process of the machine, and pip's may hold an index URL with its token.
"""

import json
import runpy
import sys


def main() -> None:
    """Read `{"module": …, "arguments": […]}` to the end of standard input and become that module."""
    wanted = json.load(sys.stdin)
    sys.path.pop(0)  # this file's folder, which Python puts there for a script
    sys.argv = [wanted["module"], *wanted["arguments"]]
    runpy.run_module(wanted["module"], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
