"""What user code writes costs the workspace a bounded amount, whatever it is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.compute.conftest import ME, Yard

from wheelyard.compute.cell import LONGEST_ERROR, LONGEST_OUTPUT
from wheelyard.compute.engine import CellResult, Session

SLACK = 1_000


@pytest.fixture(scope="module")
def session(yard: Yard) -> Iterator[Session]:
    compute = yard.start()
    session = compute.open_session(ME, parameters={})
    yield session
    compute.stop()


def weight(result: CellResult) -> int:
    outputs = sum(len(piece.text) + sum(len(str(item)) for item in piece.data.values()) for piece in result.outputs)
    return outputs + len(result.error_value) + len(result.traceback) + len(result.exit_value or "")


@pytest.mark.parametrize(
    "cell",
    [
        "print('x' * 60_000_000)",
        "print(chr(0) * 30_000_000)",
        "displayHTML('y' * 60_000_000)",
        "'z' * 60_000_000",
        "dbutils.notebook.exit('q' * 60_000_000)",
        "%sh head -c 60000000 /dev/zero | tr '\\0' a",
    ],
)
def test_a_huge_output_is_cut_and_the_session_goes_on(session: Session, cell: str) -> None:
    assert weight(session.execute(cell)) <= LONGEST_OUTPUT * 1.2
    assert session.execute("print(1)").text == "1\n"


def test_a_huge_error_keeps_its_name_and_both_ends(session: Session) -> None:
    result = session.execute("raise ValueError('begin' + 'w' * 40_000_000 + 'end')")
    assert result.error_name == "ValueError"
    assert result.error_value.startswith("begin")
    assert max(len(result.error_value), len(result.traceback)) <= LONGEST_ERROR + SLACK
    assert session.execute("print(1)").text == "1\n"


FORGED = """
from ipykernel.kernelapp import IPKernelApp
kernel = IPKernelApp.instance().kernel
for kind, content in (
    ("stream", {}), ("stream", {"name": 5, "text": 7}), ("display_data", {"data": 5}), ("display_data", {}),
    ("display_data", {"data": {"application/vnd.wheelyard.exit+json": 5}}), ("status", {}),
    ("error", {"traceback": 5}), ("error", {"ename": 1, "evalue": 2, "traceback": [3]}),
):
    kernel.session.send(kernel.iopub_socket, kind, content, parent=kernel.get_parent())
"""


def test_messages_no_kernel_sends_do_no_harm(session: Session) -> None:
    session.execute(FORGED)
    assert session.execute("print(1)").text == "1\n"


def test_a_message_too_large_to_be_taken_costs_only_the_session_its_state(session: Session) -> None:
    """User code goes around the kernel's own limit."""
    session.execute("import zmq\nfrom ipykernel.kernelapp import IPKernelApp\nkernel = IPKernelApp.instance().kernel")
    result = session.execute(
        "type(kernel.session).send(kernel.session, kernel.iopub_socket, 'stream',"
        " {'name': 'stdout', 'text': 'x' * 90_000_000}, parent=kernel.get_parent())"
    )
    assert "too large" in result.text
    assert session.execute("print(1)").text == "1\n"
