"""Laws of the tables: states of runs, the task graph, parameters, output."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wheelyard.control.jobs.graph import RUN_IF, cycle_in, decide, leaves
from wheelyard.control.jobs.outcomes import CANCELED, EXCLUDED, FAILED_CODE, SUCCESS, TIMED_OUT, Outcome, of_run
from wheelyard.control.jobs.output import TailBuffer, error_of
from wheelyard.control.jobs.states import ACTIVE, V2_STATE, Action, Life, after
from wheelyard.control.jobs.wire import Dependency, Task

lives = st.sampled_from(list(Life))
actions = st.lists(st.sampled_from(list(Action)))
outcomes = st.sampled_from([SUCCESS, FAILED_CODE, CANCELED, TIMED_OUT, EXCLUDED])


@given(life=lives, steps=actions)
def test_what_has_ended_stays_ended(life: Life, steps: list[Action]) -> None:
    ended = False
    for step in steps:
        before, life = life, after(life, step)
        ended = ended or before not in ACTIVE
        assert not ended or life is before


@given(life=lives)
def test_every_active_run_can_be_ended_in_each_way(life: Life) -> None:
    if life in ACTIVE:
        assert {after(life, step) for step in (Action.END, Action.SKIP, Action.BREAK)} == set(Life) - ACTIVE
    assert V2_STATE[life]


@st.composite
def graphs(draw: st.DrawFn) -> list[Task]:
    """Tasks that wait only for earlier ones."""
    keys = [f"t{number}" for number in range(draw(st.integers(1, 8)))]
    return [
        Task(
            key,
            depends_on=[Dependency(other) for other in keys[:number] if draw(st.booleans())],
            run_if=draw(st.sampled_from(list(RUN_IF))),
        )
        for number, key in enumerate(keys)
    ]


@given(tasks=graphs(), data=st.data())
def test_every_graph_without_a_cycle_comes_to_an_end(tasks: list[Task], data: st.DataObject) -> None:
    assert cycle_in(tasks) == ""
    present = {task.task_key for task in tasks}
    ended: dict[str, Outcome] = {}
    while len(ended) < len(tasks):
        decisions = {task.task_key: decide(task, ended, present) for task in tasks if task.task_key not in ended}
        ready = {key: decision for key, decision in decisions.items() if decision != "wait"}
        assert ready
        key = data.draw(st.sampled_from(sorted(ready)))
        decision = ready[key]
        ended[key] = decision if isinstance(decision, Outcome) else data.draw(outcomes)
    outcome = of_run(ended, leaves(tasks))
    if all(end.succeeded for end in ended.values()):
        assert outcome.succeeded
    if any(ended[key].result == "FAILED" for key in leaves(tasks)):
        assert outcome.result == "FAILED"


@given(tasks=graphs())
def test_a_task_that_waits_for_itself_is_found(tasks: list[Task]) -> None:
    tasks[0].depends_on.append(Dependency(tasks[-1].task_key))
    reachable = tasks[-1].task_key == tasks[0].task_key or _waits_for(tasks, tasks[-1].task_key, tasks[0].task_key)
    assert bool(cycle_in(tasks)) == reachable


def _waits_for(tasks: list[Task], start: str, target: str) -> bool:
    waiting = {task.task_key: [dependency.task_key for dependency in task.depends_on] for task in tasks}
    seen, todo = set[str](), [start]
    while todo:
        key = todo.pop()
        if key == target:
            return True
        if key not in seen:
            seen.add(key)
            todo += waiting[key]
    return False


@given(lines=st.lists(st.text(st.characters(exclude_characters="\n\r", codec="utf-8"))), most=st.integers(1, 200))
def test_a_tail_is_the_end_of_what_was_written(lines: list[str], most: int) -> None:
    buffer = TailBuffer(most)
    for line in lines:
        buffer.line(line)
    whole = "".join(f"{line}\n" for line in lines)
    assert whole.endswith(buffer.text)
    assert buffer.truncated == (buffer.text != whole)
    assert len(buffer.text.encode()) <= max(most, len(f"{lines[-1]}\n".encode()) if lines else 0)


@given(text=st.text())
def test_an_error_is_found_in_any_output(text: str) -> None:
    error, trace = error_of(text)
    assert "\n" not in error
    assert trace == "" or trace.startswith("Traceback")
