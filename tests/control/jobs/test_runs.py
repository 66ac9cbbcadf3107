"""Jobs and runs through the official SDK: waiters, both spellings of state, retries, queues, failures."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.errors import InvalidParameterValue, OperationFailed, PermissionDenied, ResourceDoesNotExist
from databricks.sdk.service.jobs import RunLifeCycleState, RunResultState
from databricks.sdk.service.workspace import ImportFormat, Language
from tests.control.compute_rooms import RUNTIME, ComputeRooms, Person, Server

NOTEBOOK = "/Shared/notebook"


def notebook(rooms: ComputeRooms, *cells: str, path: str = NOTEBOOK) -> str:
    source = "# Databricks notebook source\n" + "\n\n# COMMAND ----------\n\n".join(cells)
    rooms.client().workspace.upload(
        path, source.encode(), format=ImportFormat.SOURCE, language=Language.PYTHON, overwrite=True
    )
    return path


def script(rooms: ComputeRooms, source: str, path: str = "/Shared/script.py") -> str:
    rooms.client().workspace.upload(path, source.encode(), format=ImportFormat.AUTO, overwrite=True)
    return path


def notebook_task(key: str = "main", path: str = NOTEBOOK, **more: Any) -> dict[str, Any]:
    return {"task_key": key, "notebook_task": {"notebook_path": path}, **more}


def create(rooms: ComputeRooms, *tasks: dict[str, Any], person: Person | None = None, **settings: Any) -> int:
    status, answer = rooms.call("POST", "/api/2.2/jobs/create", {"name": "job", "tasks": [*tasks], **settings}, person)
    assert status == 200, answer
    return int(answer["job_id"])


def submit(rooms: ComputeRooms, *tasks: dict[str, Any], person: Person | None = None, **more: Any) -> int:
    status, answer = rooms.call("POST", "/api/2.2/jobs/runs/submit", {"tasks": [*tasks], **more}, person)
    assert status == 200, answer
    return int(answer["run_id"])


def run_now(rooms: ComputeRooms, job_id: int, **more: Any) -> int:
    status, answer = rooms.call("POST", "/api/2.2/jobs/run-now", {"job_id": job_id, **more})
    assert status == 200, answer
    return int(answer["run_id"])


def look(rooms: ComputeRooms, run_id: int) -> dict[str, Any]:
    status, answer = rooms.call("GET", f"/api/2.2/jobs/runs/get?run_id={run_id}")
    assert status == 200, answer
    for part in (answer, *answer["tasks"]):
        assert part["state"]["life_cycle_state"]
        assert part["status"]["state"]
    found: dict[str, Any] = answer
    return found


def life(rooms: ComputeRooms, run_id: int) -> str:
    return str(look(rooms, run_id)["state"]["life_cycle_state"])


def ended(rooms: ComputeRooms, run_id: int) -> dict[str, Any]:
    rooms.until(lambda: life(rooms, run_id) in {"TERMINATED", "SKIPPED", "INTERNAL_ERROR"})
    return look(rooms, run_id)


def output(rooms: ComputeRooms, run_id: int) -> dict[str, Any]:
    status, answer = rooms.call("GET", f"/api/2.2/jobs/runs/get-output?run_id={run_id}")
    assert status == 200, answer
    found: dict[str, Any] = answer
    return found


def test_run_now_and_wait_on_serverless(rooms: ComputeRooms) -> None:
    notebook(rooms, "print('hello')", "leave(widget('name') + widget('day'))", "print('never')")
    job_id = create(
        rooms,
        notebook_task(notebook_task={"notebook_path": NOTEBOOK, "base_parameters": {"name": "ana", "day": "mon"}}),
        parameters=[{"name": "day", "default": "tue"}],
    )
    run = rooms.client().jobs.run_now_and_wait(job_id, job_parameters={"day": "wed"})
    assert run.state is not None
    assert run.state.life_cycle_state is RunLifeCycleState.TERMINATED
    assert run.state.result_state is RunResultState.SUCCESS
    assert run.tasks
    assert rooms.client().jobs.get_run_output(int(run.tasks[0].run_id or 0)).notebook_output.result == "anawed"  # type: ignore[union-attr]
    assert run.job_parameters
    assert run.job_parameters[0].as_dict() == {"name": "day", "default": "tue", "value": "wed"}
    rooms.until(lambda: rooms.engine.running == {})
    export = rooms.client().jobs.export_run(int(run.tasks[0].run_id or 0))
    assert export.views
    assert "hello" in str(export.views[0].content)
    assert rooms.engine.started[-1].sessions[-1].closed


def test_a_task_sees_what_its_identity_may_read(rooms: ComputeRooms) -> None:
    me = rooms.client().current_user.me().user_name
    script(rooms, "print('shared')")
    script(rooms, "print('own')", f"/Users/{me}/own.py")
    notebook(rooms, f"print(read('/Workspace/Users/{me}/own.py'))")
    cluster_id = rooms.cluster()
    tasks = (notebook_task(existing_cluster_id=cluster_id), notebook_task())
    for task in tasks:
        assert ended(rooms, submit(rooms, task))["state"]["result_state"] == "SUCCESS"
        run = ended(rooms, submit(rooms, task, run_as={"user_name": rooms.user().name}))
        assert run["state"]["result_state"] == "FAILED"


def test_the_identity_of_a_run_is_run_as_or_the_creator(rooms: ComputeRooms) -> None:
    notebook(rooms, "pass")
    other = rooms.user()
    assert ended(rooms, submit(rooms, notebook_task()))["state"]["result_state"] == "SUCCESS"
    assert rooms.engine.started[-1].identities[-1].name == "admin@example.com"
    run_id = submit(rooms, notebook_task(), run_as={"user_name": other.name})
    assert ended(rooms, run_id)["state"]["result_state"] == "SUCCESS"
    identity = rooms.engine.started[-1].identities[-1]
    assert identity.name == other.name
    person = Person("", "", identity.token.reveal())
    assert rooms.call("GET", "/api/2.0/preview/scim/v2/Me", person=person)[0] in {401, 403}
    with pytest.raises(AssertionError, match="PERMISSION_DENIED"):
        submit(rooms, notebook_task(), person=other, run_as={"user_name": "admin@example.com"})


def test_user_code_that_raises(rooms: ComputeRooms) -> None:
    notebook(rooms, "print('before')", "raise ValueError('no')")
    run = ended(rooms, submit(rooms, notebook_task("etl")))
    assert run["state"]["life_cycle_state"] == "INTERNAL_ERROR"
    assert run["state"]["result_state"] == "FAILED"
    expected = "Task etl failed with message: Workload failed, see run output for details."
    assert run["state"]["state_message"] == expected
    assert run["status"] == {
        "state": "TERMINATED",
        "termination_details": {"code": "RUN_EXECUTION_ERROR", "type": "CLIENT_ERROR", "message": expected},
    }
    task = run["tasks"][0]
    assert (task["state"]["life_cycle_state"], task["state"]["result_state"]) == ("TERMINATED", "FAILED")
    assert task["state"]["state_message"] == "Workload failed, see run output for details"
    found = output(rooms, task["run_id"])
    assert found["error"] == "ValueError: no"
    assert "Traceback" in found["error_trace"]
    with pytest.raises(OperationFailed):
        rooms.client().jobs.wait_get_run_job_terminated_or_skipped(run["run_id"])


def test_python_files_and_wheels_on_a_cluster(rooms: ComputeRooms) -> None:
    cluster_id = rooms.cluster()
    path = script(rooms, "print('got', *argv)")
    task = {
        "task_key": "file",
        "existing_cluster_id": cluster_id,
        "spark_python_task": {"python_file": path, "parameters": ["--run", "{{job.run_id}}"]},
        "libraries": [{"pypi": {"package": "acme"}}],
    }
    run_id = submit(rooms, task)
    run = ended(rooms, run_id)
    assert run["state"]["result_state"] == "SUCCESS", run
    assert run["tasks"][0]["cluster_instance"]["cluster_id"] == cluster_id
    assert output(rooms, run_id)["logs"] == f"got --run {run_id}\n"
    assert rooms.engine.running[cluster_id].installed == [(("acme",), None)]
    wheel = {
        "task_key": "wheel",
        "existing_cluster_id": cluster_id,
        "python_wheel_task": {"package_name": "app", "entry_point": "main", "named_parameters": {"x": "1"}},
    }
    run_id = submit(rooms, wheel)
    assert ended(rooms, run_id)["state"]["result_state"] == "SUCCESS"
    assert output(rooms, run_id)["logs"] == "ran app main --x=1\n"


def test_a_program_that_fails_leaves_its_traceback(rooms: ComputeRooms) -> None:
    path = script(rooms, "print('before')\nraise RuntimeError('broken')")
    environments = [{"environment_key": "env", "spec": {"environment_version": "3"}}]
    task = {"task_key": "t", "environment_key": "env", "spark_python_task": {"python_file": path}}
    run = ended(rooms, submit(rooms, task, environments=environments))
    found = output(rooms, run["tasks"][0]["run_id"])
    assert found["error"] == "RuntimeError: broken"
    assert found["error_trace"].startswith("Traceback")
    assert found["logs"].startswith("before\n")


def test_job_clusters_are_made_once_and_go_with_the_run(rooms: ComputeRooms) -> None:
    notebook(rooms, "pass")
    spec = {"spark_version": RUNTIME, "num_workers": 0, "spark_env_vars": {"A": "1"}}
    job_id = create(
        rooms,
        notebook_task("a", job_cluster_key="shared"),
        notebook_task("b", job_cluster_key="shared", depends_on=[{"task_key": "a"}]),
        job_clusters=[{"job_cluster_key": "shared", "new_cluster": spec}],
    )
    run_id = run_now(rooms, job_id)
    run = ended(rooms, run_id)
    assert run["state"]["result_state"] == "SUCCESS"
    cluster_ids = {task["cluster_instance"]["cluster_id"] for task in run["tasks"]}
    assert len(cluster_ids) == 1
    cluster_id = cluster_ids.pop()
    rooms.until(lambda: rooms.state(cluster_id) == "TERMINATED")
    details = rooms.details(cluster_id)
    assert details["cluster_name"] == f"job-{job_id}-run-{run_id}-shared"
    assert details["cluster_source"] == "JOB"
    assert details["data_security_mode"] == "SINGLE_USER"
    assert details["termination_reason"] == {"code": "JOB_FINISHED", "type": "SUCCESS"}
    assert details["default_tags"]["JobId"] == str(job_id)
    status, answer = rooms.call("POST", "/api/2.1/clusters/start", {"cluster_id": cluster_id})
    assert (status, answer["error_code"]) == (400, "INVALID_STATE")


def test_a_failed_library_ends_the_run(rooms: ComputeRooms) -> None:
    notebook(rooms, "pass")
    cluster_id = rooms.cluster()
    libraries = [{"pypi": {"package": "missing-x", "repo": "https://u:hunter2hunter2@index.example/simple"}}]
    run = ended(rooms, submit(rooms, notebook_task(existing_cluster_id=cluster_id, libraries=libraries)))
    task = run["tasks"][0]
    assert task["state"]["life_cycle_state"] == "INTERNAL_ERROR"
    assert task["state"]["state_message"].startswith(
        "run failed with error message\n Library installation failed for library due to user error for "
        'pypi: "missing-x"\n Error messages:\n Library installation attempted on the driver node'
    )
    assert run["status"]["termination_details"]["code"] == "LIBRARY_INSTALLATION_ERROR"
    assert "hunter2" not in str({"run": run["state"], "task": task["state"], "details": run["status"]})


def test_serverless_dependencies_that_fail(rooms: ComputeRooms) -> None:
    notebook(rooms, "pass")
    environments = [{"environment_key": "env", "spec": {"client": "2", "dependencies": ["missing-y==1"]}}]
    run = ended(rooms, submit(rooms, notebook_task(environment_key="env"), environments=environments))
    assert run["status"]["termination_details"]["code"] == "LIBRARY_INSTALLATION_ERROR"
    assert "missing-y==1" in run["tasks"][0]["state"]["state_message"]


def test_serverless_reads_the_default_anew_on_each_run(rooms: ComputeRooms) -> None:
    notebook(rooms, "pass")
    client = rooms.client()
    scope = "databricks-package-management"
    client.secrets.create_scope(scope)
    job_id = create(rooms, notebook_task())
    for token in ("first-token", "second-token"):
        client.secrets.put_secret(scope, "pip-index-url", string_value=f"https://u:{token}@index.example/simple/")
        run_id = run_now(rooms, job_id)
        ended(rooms, run_id)
        pip = rooms.engine.started[-1].pip
        settings = (pip.global_conf.reveal() if pip.global_conf else "") + str(
            [value.reveal() for value in pip.variables.values()]
        )
        assert token in settings
        _, log = rooms.call("GET", f"/api/2.0/wheelyard/runs/{run_id}/logs")
        assert "https://u:****@index.example/simple/" in log
        assert token not in log


def test_a_cluster_that_does_not_start_fails_the_task(rooms: ComputeRooms) -> None:
    notebook(rooms, "pass")
    spec = {"spark_version": RUNTIME, "num_workers": 0, "spark_env_vars": {"A": "{{secrets/no/pe}}"}}
    run = ended(rooms, submit(rooms, notebook_task(new_cluster=spec)))
    assert run["status"]["termination_details"]["code"] == "CLUSTER_ERROR"
    assert "SECRET_RESOLUTION_ERROR" in run["tasks"][0]["state"]["state_message"]
    run = ended(rooms, submit(rooms, notebook_task(existing_cluster_id="gone")))
    assert "Cluster gone does not exist" in run["tasks"][0]["state"]["state_message"]


def test_a_terminated_existing_cluster_is_started(rooms: ComputeRooms) -> None:
    notebook(rooms, "pass")
    cluster_id = rooms.cluster()
    rooms.client().clusters.delete(cluster_id).result()
    assert ended(rooms, submit(rooms, notebook_task(existing_cluster_id=cluster_id)))["state"]["result_state"] == (
        "SUCCESS"
    )
    assert rooms.state(cluster_id) == "RUNNING"


def test_dependencies_and_run_if(rooms: ComputeRooms) -> None:
    notebook(rooms, "pass")
    notebook(rooms, "1 / 0", path="/Shared/bad")
    run = ended(
        rooms,
        submit(
            rooms,
            notebook_task("bad", "/Shared/bad"),
            notebook_task("after", depends_on=[{"task_key": "bad"}]),
            notebook_task("always", depends_on=[{"task_key": "bad"}], run_if="ALL_DONE"),
            notebook_task("repair", depends_on=[{"task_key": "bad"}], run_if="AT_LEAST_ONE_FAILED"),
            notebook_task("never", depends_on=[{"task_key": "bad"}], run_if="AT_LEAST_ONE_SUCCESS"),
            notebook_task("off", disabled=True),
        ),
    )
    results = {task["task_key"]: task["state"]["result_state"] for task in run["tasks"]}
    assert results == {
        "bad": "FAILED",
        "after": "UPSTREAM_FAILED",
        "always": "SUCCESS",
        "repair": "SUCCESS",
        "never": "EXCLUDED",
        "off": "DISABLED",
    }
    assert run["state"]["result_state"] == "FAILED"


def test_a_failure_that_every_leaf_survives(rooms: ComputeRooms) -> None:
    notebook(rooms, "pass")
    notebook(rooms, "1 / 0", path="/Shared/bad")
    run = ended(
        rooms,
        submit(
            rooms,
            notebook_task("bad", "/Shared/bad"),
            notebook_task("leaf", depends_on=[{"task_key": "bad"}], run_if="ALL_DONE"),
        ),
    )
    assert run["state"]["result_state"] == "SUCCESS_WITH_FAILURES"


def test_retries_make_new_attempts(rooms: ComputeRooms) -> None:
    notebook(rooms, "1 / 0")
    run_id = submit(rooms, notebook_task(max_retries=2, min_retry_interval_millis=5))
    run = ended(rooms, run_id)
    task = run["tasks"][0]
    assert task["attempt_number"] == 2
    attempts = rooms.jobs._records.attempts(run_id)
    assert [attempt.attempt for attempt in attempts] == [0, 1, 2]
    assert {attempt.result for attempt in attempts} == {"FAILED"}


def test_timeouts_end_a_task_and_a_run(rooms: ComputeRooms) -> None:
    notebook(rooms, "wait()")
    run = ended(rooms, submit(rooms, notebook_task(timeout_seconds=1)))
    assert run["tasks"][0]["state"]["result_state"] == "TIMEDOUT"
    run = ended(rooms, submit(rooms, notebook_task(), timeout_seconds=1))
    assert run["state"]["life_cycle_state"] == "TERMINATED"
    assert run["state"]["result_state"] == "TIMEDOUT"


def test_cancelling_a_running_notebook(rooms: ComputeRooms) -> None:
    notebook(rooms, "wait()", "print('never')")
    run_id = submit(rooms, notebook_task(), notebook_task("second", depends_on=[{"task_key": "main"}]))
    rooms.until(lambda: look(rooms, run_id)["tasks"][0]["state"]["life_cycle_state"] == "RUNNING")
    assert rooms.client().jobs.cancel_run(run_id).result().state.result_state is RunResultState.CANCELED  # type: ignore[union-attr]
    run = look(rooms, run_id)
    assert run["state"]["life_cycle_state"] == "TERMINATED"
    assert run["status"]["termination_details"]["code"] == "USER_CANCELED"
    assert {task["state"]["result_state"] for task in run["tasks"]} == {"CANCELED"}


def test_cancelling_while_compute_starts_or_installs(rooms: ComputeRooms) -> None:
    notebook(rooms, "pass")
    rooms.engine.hold_starts.set()
    run_id = submit(rooms, notebook_task())
    rooms.until(lambda: look(rooms, run_id)["tasks"][0]["state"]["life_cycle_state"] == "PENDING")
    rooms.client().jobs.cancel_run(run_id).result()
    rooms.until(lambda: rooms.engine.stopped == [f"serverless-{run_id}-1"])
    rooms.engine.deaf = True
    run_id = submit(rooms, notebook_task())
    rooms.until(lambda: look(rooms, run_id)["tasks"][0]["state"]["life_cycle_state"] == "PENDING")
    rooms.client().jobs.cancel_run(run_id).result()
    assert rooms.engine.started == []
    rooms.engine.hold_starts.clear()
    rooms.until(lambda: len(rooms.engine.started) == 1 and rooms.engine.running == {})
    cluster_id = rooms.cluster()
    rooms.engine.hold_installs.set()
    libraries = [{"pypi": {"package": "slow"}}]
    run_id = submit(rooms, notebook_task(existing_cluster_id=cluster_id, libraries=libraries))
    rooms.until(lambda: bool(rooms.libraries._records.of_cluster(cluster_id)))
    rooms.client().jobs.cancel_run(run_id).result()
    rooms.engine.hold_installs.clear()


def test_the_limit_skips_or_queues(rooms: ComputeRooms) -> None:
    notebook(rooms, "wait()")
    job_id = create(rooms, notebook_task())
    first = run_now(rooms, job_id)
    skipped = look(rooms, run_now(rooms, job_id))
    assert skipped["state"]["life_cycle_state"] == "SKIPPED"
    assert skipped["state"]["result_state"] == "MAXIMUM_CONCURRENT_RUNS_REACHED"
    assert skipped["status"]["termination_details"]["code"] == "MAX_CONCURRENT_RUNS_EXCEEDED"
    queued = run_now(rooms, job_id, queue={"enabled": True})
    assert look(rooms, queued)["status"]["queue_details"]["code"] == "MAX_CONCURRENT_RUNS_REACHED"
    rooms.client().jobs.cancel_run(first).result()
    rooms.until(lambda: look(rooms, queued)["tasks"][0]["state"]["life_cycle_state"] == "RUNNING")
    rooms.client().jobs.cancel_all_runs(job_id=job_id)
    ended(rooms, queued)
    never = create(rooms, notebook_task(), max_concurrent_runs=0)
    assert life(rooms, run_now(rooms, never)) == "SKIPPED"


def test_one_idempotency_token_one_run(rooms: ComputeRooms) -> None:
    notebook(rooms, "pass")
    assert submit(rooms, notebook_task(), idempotency_token="t") == submit(
        rooms, notebook_task(), idempotency_token="t"
    )
    job_id = create(rooms, notebook_task())
    assert run_now(rooms, job_id, idempotency_token="t") == run_now(rooms, job_id, idempotency_token="t")
    status, _ = rooms.call("POST", "/api/2.2/jobs/run-now", {"job_id": job_id, "idempotency_token": "x" * 65})
    assert status == 400


def test_other_task_types_are_kept_and_fail_clearly(rooms: ComputeRooms) -> None:
    job_id = create(rooms, {"task_key": "sql", "sql_task": {"warehouse_id": "w", "file": {"path": "/q.sql"}}})
    _, job = rooms.call("GET", f"/api/2.2/jobs/get?job_id={job_id}")
    assert job["settings"]["tasks"][0]["sql_task"] == {"warehouse_id": "w", "file": {"path": "/q.sql"}}
    run = ended(rooms, run_now(rooms, job_id))
    assert "does not run" in run["tasks"][0]["state"]["state_message"]


def test_missing_notebooks_and_files_are_named(rooms: ComputeRooms) -> None:
    run = ended(rooms, submit(rooms, notebook_task(path="/Shared/nowhere")))
    assert run["status"]["termination_details"]["code"] == "RESOURCE_NOT_FOUND"
    assert "/Shared/nowhere" in run["state"]["state_message"]


def test_output_needs_one_task(rooms: ComputeRooms) -> None:
    notebook(rooms, "pass")
    run_id = submit(rooms, notebook_task("a"), notebook_task("b"))
    ended(rooms, run_id)
    with pytest.raises(InvalidParameterValue, match="multiple tasks"):
        rooms.client().jobs.get_run_output(run_id)


def test_unknown_runs_have_the_text_both_sdks_know(rooms: ComputeRooms) -> None:
    with pytest.raises(ResourceDoesNotExist, match="Run 4711 does not exist"):
        rooms.client().jobs.get_run(4711)


def test_runs_list_pages_and_filters(rooms: ComputeRooms) -> None:
    notebook(rooms, "pass")
    job_id = create(rooms, notebook_task(), max_concurrent_runs=5)
    ids = [run_now(rooms, job_id) for _ in range(3)]
    other = submit(rooms, notebook_task())
    for run_id in (*ids, other):
        ended(rooms, run_id)
    client = rooms.client()
    assert [run.run_id for run in client.jobs.list_runs(job_id=job_id, limit=2)] == ids[::-1]
    assert [run.run_id for run in client.jobs.list_runs(completed_only=True)] == [other, *ids[::-1]]
    assert list(client.jobs.list_runs(active_only=True)) == []
    stranger = rooms.client(rooms.user())
    assert list(stranger.jobs.list_runs()) == []
    with pytest.raises(PermissionDenied):
        stranger.jobs.get_run(other)
    client.jobs.delete_run(other)
    with pytest.raises(ResourceDoesNotExist):
        client.jobs.get_run(other)


def test_after_a_crash_active_runs_have_ended_and_queued_ones_go_on(tmp_path: Path, server: Server) -> None:
    first = ComputeRooms(tmp_path, server.url)
    first.recover()
    server.app = first.app
    notebook(first, "wait()")
    job_id = create(first, notebook_task(), queue={"enabled": True})
    active, queued = run_now(first, job_id), run_now(first, job_id)
    first.until(lambda: look(first, active)["tasks"][0]["state"]["life_cycle_state"] == "RUNNING")
    second = ComputeRooms(tmp_path, server.url)
    server.app = second.app
    second.recover()
    run = look(second, active)
    assert run["state"]["life_cycle_state"] == "INTERNAL_ERROR"
    assert {task["state"]["life_cycle_state"] for task in run["tasks"]} == {"INTERNAL_ERROR"}
    second.until(lambda: look(second, queued)["tasks"][0]["state"]["life_cycle_state"] == "RUNNING")
    second.close()
    first.close()


def test_times_add_up(rooms: ComputeRooms) -> None:
    notebook(rooms, "pass")
    before = int(time.time() * 1000)
    run = ended(rooms, submit(rooms, notebook_task()))
    assert before <= run["start_time"] <= run["end_time"]
    assert run["run_duration"] == run["end_time"] - run["start_time"]
    assert run["run_page_url"].startswith(f"{rooms.url}/?o=")
