"""Job settings: echo, fix-ups, refusals, update, reset, paging, permissions."""

from __future__ import annotations

from typing import Any

import pytest
from databricks.sdk.errors import PermissionDenied, ResourceDoesNotExist
from tests.control.compute_rooms import RUNTIME, ComputeRooms

from wheelyard.control.jobs.merging import replaced, updated

TASK = {"task_key": "t", "notebook_task": {"notebook_path": "/Shared/n"}}
BUNDLE_JOB: dict[str, Any] = {
    "deployment": {"kind": "BUNDLE", "metadata_file_path": "/Workspace/Users/a/state/metadata.json"},
    "edit_mode": "UI_LOCKED",
    "format": "MULTI_TASK",
    "job_clusters": [
        {
            "job_cluster_key": "main",
            "new_cluster": {
                "spark_version": RUNTIME,
                "node_type_id": "m.small",
                "num_workers": 1,
                "data_security_mode": "SINGLE_USER",
                "spark_env_vars": {"DATABRICKS_PIP_INDEX_URL": "{{secrets/pkgs/pip-index-url}}"},
            },
        }
    ],
    "max_concurrent_runs": 4,
    "name": "[dev ana] nightly",
    "queue": {"enabled": True},
    "schedule": {"quartz_cron_expression": "0 0 1 * * ?", "timezone_id": "UTC", "pause_status": "PAUSED"},
    "tags": {"dev": "ana"},
    "a_field_from_the_future": [{"deep": 1}],
    "tasks": [
        {
            "task_key": "t",
            "job_cluster_key": "main",
            "libraries": [{"whl": "/Workspace/app.whl"}, {"pypi": {"package": "acme-utils==1.2.0"}}],
            "python_wheel_task": {"package_name": "app", "entry_point": "main", "parameters": ["--x", "1"]},
        }
    ],
}


def test_a_bundle_s_job_comes_back_word_for_word(rooms: ComputeRooms) -> None:
    _, made = rooms.call("POST", "/api/2.2/jobs/create", BUNDLE_JOB)
    assert isinstance(made["job_id"], int)
    _, job = rooms.call("GET", f"/api/2.2/jobs/get?job_id={made['job_id']}")
    assert job["creator_user_name"] == job["run_as_user_name"] == "admin@example.com"
    assert job["settings"] == {
        **BUNDLE_JOB,
        "email_notifications": {},
        "webhook_notifications": {},
        "timeout_seconds": 0,
        "tasks": [{**BUNDLE_JOB["tasks"][0], "run_if": "ALL_SUCCESS", "timeout_seconds": 0, "email_notifications": {}}],
    }


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"tasks": [{"task_key": "a"}]}, "exactly one task type"),
        ({"tasks": [{**TASK, "sql_task": {}}]}, "exactly one task type"),
        ({"tasks": [{"notebook_task": {"notebook_path": "/n"}}]}, "task_key"),
        ({"tasks": [TASK, TASK]}, "Duplicate task_key"),
        ({"tasks": [{**TASK, "task_key": "a b"}]}, "Invalid task_key"),
        ({"tasks": [{**TASK, "job_cluster_key": "x"}]}, "which is not defined"),
        ({"tasks": [{**TASK, "environment_key": "x"}]}, "which is not defined"),
        ({"tasks": [{**TASK, "depends_on": [{"task_key": "x"}]}]}, "which is not defined"),
        ({"tasks": [{**TASK, "depends_on": [{"task_key": "t"}]}]}, "cycle"),
        ({"tasks": [{**TASK, "existing_cluster_id": "a", "environment_key": "b"}]}, "more than one compute"),
        ({"tasks": [{**TASK, "libraries": [{"pypi": {"package": "a"}}]}]}, "Libraries field is not supported"),
        ({"tasks": [{"task_key": "p", "spark_python_task": {"python_file": "/p.py"}}]}, "needs a cluster"),
        ({"tasks": [{**TASK, "new_cluster": {"spark_version": "1.x"}}]}, "Invalid spark version"),
        ({"tasks": [{**TASK, "new_cluster": {"spark_version": RUNTIME, "libraries": [1]}}]}, "belong to tasks"),
        ({"tasks": [{**TASK, "run_if": "SOMETIMES"}]}, "run_if"),
        ({"tasks": [{**TASK, "max_retries": "many"}]}, "max_retries"),
        ({"max_concurrent_runs": 1001}, "max_concurrent_runs"),
        ({"name": "ä" * 2049}, "4096 bytes"),
        ({"run_as": {"user_name": "nobody@example.com"}}, "does not exist"),
    ],
)
def test_settings_that_no_run_could_follow_are_refused(
    rooms: ComputeRooms, settings: dict[str, Any], words: str
) -> None:
    status, answer = rooms.call("POST", "/api/2.2/jobs/create", settings)
    assert status == 400, answer
    assert words in answer["message"]
    _, listed = rooms.call("GET", "/api/2.2/jobs/list")
    assert listed.get("jobs", []) == []


def test_update_merges_and_reset_replaces(rooms: ComputeRooms) -> None:
    client = rooms.client()
    _, made = rooms.call("POST", "/api/2.2/jobs/create", {"name": "a", "tasks": [TASK], "tags": {"x": "1"}})
    job_id = made["job_id"]
    second = {"task_key": "u", "notebook_task": {"notebook_path": "/Shared/u"}}
    body = {"job_id": job_id, "new_settings": {"name": "b", "tasks": [second]}, "fields_to_remove": ["tags"]}
    assert rooms.call("POST", "/api/2.2/jobs/update", body) == (200, {})
    settings = client.jobs.get(job_id).settings
    assert settings
    assert settings.name == "b"
    assert settings.tags is None
    assert [task.task_key for task in settings.tasks or []] == ["t", "u"]
    rooms.call("POST", "/api/2.2/jobs/reset", {"job_id": job_id, "new_settings": {"name": "c"}})
    assert not client.jobs.get(job_id).settings.tasks  # type: ignore[union-attr]
    status, _ = rooms.call("POST", "/api/2.2/jobs/reset", {"job_id": job_id, "new_settings": {"tasks": [{}]}})
    assert status == 400
    assert client.jobs.get(job_id).settings.name == "c"  # type: ignore[union-attr]


def test_reset_keeps_run_as() -> None:
    assert replaced({"run_as": {"user_name": "a"}, "name": "x"}, {"name": "y"}) == {
        "run_as": {"user_name": "a"},
        "name": "y",
    }
    old = {"tasks": [{"task_key": "a", "x": 1}, {"task_key": "b"}]}
    assert updated(old, {"tasks": [{"task_key": "a", "y": 2}]}, ["tasks/b"]) == {"tasks": [{"task_key": "a", "y": 2}]}


def test_list_pages_by_name_and_permission(rooms: ComputeRooms) -> None:
    ids = [rooms.call("POST", "/api/2.2/jobs/create", {"name": name, "tasks": [TASK]})[1]["job_id"] for name in "AbC"]
    client = rooms.client()
    assert [job.job_id for job in client.jobs.list(limit=1)] == ids[::-1]
    assert [job.job_id for job in client.jobs.list(name="B")] == [ids[1]]
    _, answer = rooms.call("GET", "/api/2.2/jobs/list")
    assert "tasks" not in answer["jobs"][0]["settings"]
    user = rooms.user()
    assert list(rooms.client(user).jobs.list()) == []
    with pytest.raises(PermissionDenied):
        rooms.client(user).jobs.run_now(ids[0])
    access = {"access_control_list": [{"user_name": user.name, "permission_level": "CAN_VIEW"}]}
    assert rooms.call("PATCH", f"/api/2.0/permissions/jobs/{ids[0]}", access)[0] == 200
    assert [job.job_id for job in rooms.client(user).jobs.list()] == [ids[0]]
    with pytest.raises(PermissionDenied):
        rooms.client(user).jobs.delete(ids[0])


def test_access_given_with_the_job(rooms: ComputeRooms) -> None:
    user = rooms.user()
    access = [{"user_name": user.name, "permission_level": "CAN_MANAGE_RUN"}]
    _, made = rooms.call("POST", "/api/2.2/jobs/create", {"tasks": [TASK], "access_control_list": access})
    _, job = rooms.call("GET", f"/api/2.2/jobs/get?job_id={made['job_id']}", person=user)
    assert job["settings"]["name"] == "Untitled"
    assert "access_control_list" not in job["settings"]
    nobody = [{"user_name": "nobody@example.com", "permission_level": "CAN_VIEW"}]
    status, _ = rooms.call("POST", "/api/2.2/jobs/create", {"tasks": [TASK], "access_control_list": nobody})
    assert status in {400, 404}
    assert len(list(rooms.client().jobs.list())) == 1


def test_new_clusters_in_a_job_need_what_clusters_need(rooms: ComputeRooms) -> None:
    body = {"tasks": [{**TASK, "new_cluster": {"spark_version": RUNTIME}}]}
    status, answer = rooms.call("POST", "/api/2.2/jobs/create", body, rooms.user())
    assert (status, answer["error_code"]) == (403, "PERMISSION_DENIED")


def test_a_deleted_job_is_gone_for_both_sdks(rooms: ComputeRooms) -> None:
    _, made = rooms.call("POST", "/api/2.2/jobs/create", {"tasks": [TASK]})
    rooms.client().jobs.delete(made["job_id"])
    with pytest.raises(ResourceDoesNotExist, match=f"Job {made['job_id']} does not exist"):
        rooms.client().jobs.get(made["job_id"])
    status, answer = rooms.call("POST", "/api/2.1/jobs/run-now", {"job_id": made["job_id"]})
    assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_many_tasks_come_in_pages(rooms: ComputeRooms) -> None:
    tasks = [{**TASK, "task_key": f"t{number}"} for number in range(150)]
    _, made = rooms.call("POST", "/api/2.2/jobs/create", {"tasks": tasks})
    settings = rooms.client().jobs.get(made["job_id"]).settings
    assert settings
    assert [task.task_key for task in settings.tasks or []] == [task["task_key"] for task in tasks]
