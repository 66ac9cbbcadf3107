"""Clusters through the official SDK: waiters, restart, termination, deletion, recovery."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.errors import InvalidParameterValue, OperationFailed, PermissionDenied, ResourceDoesNotExist
from databricks.sdk.service.compute import EventType, State, TerminationReasonCode, TerminationReasonType
from tests.control.compute_rooms import RUNTIME, ComputeRooms, Server
from tests.control.instant_engine import InstantEngine

from wheelyard.control.clusters.launch import Prepared, Preparer
from wheelyard.control.clusters.store import Cluster
from wheelyard.control.clusters.supervisor import Supervisor
from wheelyard.core.errors import LaunchFailed
from wheelyard.core.rules.defaults import DEFAULT_WITHOUT_READ
from wheelyard.core.rules.runtimes import ENVIRONMENT_VERSIONS


def test_create_waits_until_running(rooms: ComputeRooms) -> None:
    client = rooms.client()
    details = client.clusters.create(cluster_name="etl", spark_version=RUNTIME, num_workers=0).result()
    assert details.state is State.RUNNING
    assert details.creator_user_name == "admin@example.com"
    assert details.default_tags == {
        "Vendor": "Databricks",
        "Creator": "admin@example.com",
        "ClusterName": "etl",
        "ClusterId": details.cluster_id,
    }
    types = [event.type for event in client.clusters.events(str(details.cluster_id))]
    assert types[-1] is EventType.CREATING
    assert EventType.RUNNING in types


def test_a_spec_is_echoed_word_for_word(rooms: ComputeRooms) -> None:
    client = rooms.client()
    client.secrets.create_scope("s")
    client.secrets.put_secret("s", "k", string_value="https://u:hunter2@index.example/simple")
    spec: dict[str, Any] = {
        "spark_env_vars": {"DATABRICKS_PIP_INDEX_URL": "{{secrets/s/k}}", "PLAIN": "x"},
        "custom_tags": {"RemoveAfter": "2026"},
        "a_field_from_the_future": {"deep": [1, 2.5, "x"]},
        "data_security_mode": "DATA_SECURITY_MODE_DEDICATED",
    }
    details = rooms.details(rooms.cluster(**spec))
    for name in ("spark_env_vars", "custom_tags", "a_field_from_the_future"):
        assert details[name] == spec[name]
        assert details["spec"][name] == spec[name]
    assert details["data_security_mode"] == "SINGLE_USER"
    assert details["single_user_name"] == "admin@example.com"
    assert details["spec"]["data_security_mode"] == "DATA_SECURITY_MODE_DEDICATED"
    assert "single_user_name" not in details["spec"]
    assert "hunter2" not in str(details)


def test_unknown_cluster_is_what_both_sdks_turn_into_not_found(rooms: ComputeRooms) -> None:
    status, answer = rooms.call("GET", "/api/2.1/clusters/get?cluster_id=nope")
    assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert answer["message"] == "Cluster nope does not exist"
    with pytest.raises(ResourceDoesNotExist):
        rooms.client().clusters.get("nope")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"spark_version": "9.9.x-scala2.12"}, "Invalid spark version 9.9.x-scala2.12"),
        ({}, "spark_version"),
        ({"spark_version": RUNTIME, "autotermination_minutes": 5}, "autotermination_minutes"),
        ({"spark_version": RUNTIME, "num_workers": -1}, "num_workers"),
        ({"spark_version": RUNTIME, "is_single_node": True}, "CLASSIC_PREVIEW"),
        ({"spark_version": RUNTIME, "data_security_mode": "OPEN"}, "OPEN"),
        ({"spark_version": RUNTIME, "spark_env_vars": {"A": "https://u:{{secrets/s/k}}@h"}}, "whole value"),
        ({"spark_version": RUNTIME, "autoscale": {"min_workers": 3, "max_workers": 1}}, "max_workers"),
    ],
)
def test_a_spec_that_could_never_start_is_refused(rooms: ComputeRooms, spec: dict[str, object], words: str) -> None:
    status, answer = rooms.call("POST", "/api/2.1/clusters/create", spec)
    assert status == 400
    assert words in answer["message"]
    assert list(rooms.client().clusters.list()) == []


def test_creating_needs_admin_or_entitlement(rooms: ComputeRooms) -> None:
    with pytest.raises(PermissionDenied, match="not authorized to create clusters"):
        rooms.client(rooms.user()).clusters.create(spark_version=RUNTIME, num_workers=0)
    entitled = rooms.user("allow-cluster-create")
    assert rooms.client(entitled).clusters.create(spark_version=RUNTIME, num_workers=0).result().state is State.RUNNING


def test_a_stranger_neither_sees_nor_uses_a_cluster(rooms: ComputeRooms) -> None:
    cluster_id = rooms.cluster()
    stranger = rooms.client(rooms.user())
    assert list(stranger.clusters.list()) == []
    with pytest.raises(PermissionDenied):
        stranger.clusters.get(cluster_id)
    with pytest.raises(PermissionDenied):
        stranger.clusters.delete(cluster_id)
    assert rooms.state(cluster_id) == "RUNNING"


def test_delete_start_and_permanent_delete(rooms: ComputeRooms) -> None:
    client = rooms.client()
    cluster_id = rooms.cluster()
    ended = client.clusters.delete(cluster_id).result()
    assert ended.state is State.TERMINATED
    assert ended.termination_reason is not None
    assert ended.termination_reason.code is TerminationReasonCode.USER_REQUEST
    assert ended.termination_reason.type is TerminationReasonType.SUCCESS
    assert ended.termination_reason.parameters == {"username": "admin@example.com"}
    assert rooms.engine.running == {}
    assert client.clusters.start(cluster_id).result().state is State.RUNNING
    assert rooms.details(cluster_id).get("termination_reason") is None
    client.clusters.start(cluster_id)  # what runs already is left alone
    client.clusters.permanent_delete(cluster_id)
    with pytest.raises(ResourceDoesNotExist):
        client.clusters.get(cluster_id)
    assert list(client.clusters.list()) == []
    rooms.until(lambda: rooms.engine.running == {})
    rooms.until(lambda: not (rooms.folder / "logs" / cluster_id).exists())


def test_terminating_while_starting_calls_the_start_off(rooms: ComputeRooms) -> None:
    client = rooms.client()
    rooms.engine.hold_starts.set()
    waiter = client.clusters.create(spark_version=RUNTIME, num_workers=0)
    client.clusters.delete(waiter.cluster_id)
    rooms.until(lambda: rooms.state(waiter.cluster_id) == "TERMINATED")
    assert rooms.details(waiter.cluster_id)["termination_reason"]["code"] == "USER_REQUEST"
    events = [event.type for event in client.clusters.events(waiter.cluster_id) if event.type]
    assert [event.value for event in reversed(events)] == ["CREATING", "TERMINATING"]
    log = rooms.call("GET", f"/api/2.0/wheelyard/clusters/{waiter.cluster_id}/logs/startup")[1]
    assert log.splitlines()[-1].endswith("terminated while it was starting")
    assert rooms.engine.started == []
    rooms.engine.hold_starts.clear()
    assert client.clusters.start(waiter.cluster_id).result().state is State.RUNNING


def test_terminating_during_a_restart_calls_it_off(rooms: ComputeRooms) -> None:
    client = rooms.client()
    cluster_id = rooms.cluster()
    rooms.engine.hold_starts.set()
    client.clusters.restart(cluster_id)
    client.clusters.delete(cluster_id)
    rooms.until(lambda: rooms.state(cluster_id) == "TERMINATED")
    assert rooms.engine.running == {}


def test_terminating_while_starting_ends_in_terminated(rooms: ComputeRooms) -> None:
    client = rooms.client()
    rooms.engine.deaf = True
    rooms.engine.hold_starts.set()
    waiter = client.clusters.create(spark_version=RUNTIME, num_workers=0)
    client.clusters.delete(waiter.cluster_id)
    assert rooms.state(waiter.cluster_id) == "TERMINATING"
    status, answer = rooms.call("POST", "/api/2.1/clusters/start", {"cluster_id": waiter.cluster_id})
    assert (status, answer["error_code"]) == (400, "INVALID_STATE")
    assert answer["message"] == f"Cluster {waiter.cluster_id} is in unexpected state Terminating."
    rooms.engine.hold_starts.clear()
    rooms.until(lambda: rooms.state(waiter.cluster_id) == "TERMINATED")
    assert rooms.details(waiter.cluster_id)["termination_reason"]["code"] == "USER_REQUEST"
    rooms.until(lambda: rooms.engine.running == {})


def test_edit_restarts_a_running_cluster_and_leaves_a_terminated_one(rooms: ComputeRooms) -> None:
    client = rooms.client()
    cluster_id = rooms.cluster()
    client.clusters.edit(cluster_id, RUNTIME, num_workers=0, spark_env_vars={"A": "2"}).result()
    assert len(rooms.engine.started) == 2
    assert rooms.engine.started[-1].spec.variables["A"].reveal() == "2"
    client.clusters.delete(cluster_id).result()
    rooms.call("POST", "/api/2.1/clusters/edit", {"cluster_id": cluster_id, "spark_version": RUNTIME})
    assert rooms.state(cluster_id) == "TERMINATED"
    assert "spark_env_vars" not in rooms.details(cluster_id)


def test_update_changes_the_masked_fields_only(rooms: ComputeRooms) -> None:
    cluster_id = rooms.cluster(cluster_name="a", spark_env_vars={"A": "1", "B": "2"})
    body = {
        "cluster_id": cluster_id,
        "update_mask": "cluster_name,spark_env_vars.A",
        "cluster": {"cluster_name": "b", "spark_env_vars": {"A": "3"}, "num_workers": 7},
    }
    assert rooms.call("POST", "/api/2.1/clusters/update", body) == (200, {})
    details = rooms.details(cluster_id)
    assert (details["cluster_name"], details["spark_env_vars"]) == ("b", {"A": "3", "B": "2"})
    assert details["num_workers"] == 0


def test_only_the_owner_adds_a_secret_reference(rooms: ComputeRooms) -> None:
    owner = rooms.user("allow-cluster-create")
    cluster_id = rooms.cluster(owner)
    with pytest.raises(PermissionDenied, match=r"spark_env_vars\.TOKEN"):
        rooms.client().clusters.edit(cluster_id, RUNTIME, num_workers=0, spark_env_vars={"TOKEN": "{{secrets/s/k}}"})
    assert "spark_env_vars" not in rooms.details(cluster_id)


def test_idle_clusters_end(rooms: ComputeRooms) -> None:
    rooms.engine.idle = 10_000
    body = {"spark_version": RUNTIME, "autotermination_minutes": 10}
    _, made = rooms.call("POST", "/api/2.1/clusters/create", body)
    rooms.until(lambda: rooms.state(made["cluster_id"]) == "TERMINATED")
    details = rooms.details(made["cluster_id"])
    assert details["termination_reason"] == {
        "code": "INACTIVITY",
        "type": "SUCCESS",
        "parameters": {"inactivity_duration_min": "10"},
    }
    assert details["state_message"] == "Inactive cluster terminated (inactive for 10 minutes)."
    never = rooms.cluster()
    assert rooms.state(never) == "RUNNING"


def test_list_filters_sorts_and_pages(rooms: ComputeRooms) -> None:
    client = rooms.client()
    ids = [rooms.cluster(cluster_name=name) for name in ("c", "a", "b")]
    client.clusters.pin(ids[2])
    status, answer = rooms.call("GET", "/api/2.1/clusters/list?filter_by.is_pinned=True")
    assert status == 200
    assert [cluster["cluster_id"] for cluster in answer["clusters"]] == [ids[2]]
    _, answer = rooms.call("GET", "/api/2.1/clusters/list?sort_by.field=CLUSTER_NAME&page_size=2")
    assert [cluster["cluster_name"] for cluster in answer["clusters"]] == ["a", "b"]
    token = answer["next_page_token"]
    _, answer = rooms.call("GET", f"/api/2.1/clusters/list?sort_by.field=CLUSTER_NAME&page_size=2&page_token={token}")
    assert [cluster["cluster_name"] for cluster in answer["clusters"]] == ["c"]
    assert answer.get("next_page_token", "") == ""
    assert answer["prev_page_token"]
    assert {cluster.cluster_id for cluster in client.clusters.list(page_size=1)} == set(ids)
    _, answer = rooms.call("GET", "/api/2.1/clusters/list?filter_by.cluster_states=TERMINATED")
    assert answer.get("clusters", []) == []
    client.clusters.unpin(ids[2])


def test_events_page_both_ways(rooms: ComputeRooms) -> None:
    cluster_id = rooms.cluster()
    everything = list(rooms.client().clusters.events(cluster_id, page_size=1))
    assert len(everything) == 3
    _, first = rooms.call(
        "POST", "/api/2.1/clusters/events", {"cluster_id": cluster_id, "page_size": 2, "order": "ASC"}
    )
    assert [event["type"] for event in first["events"]] == ["CREATING", "RUNNING"]
    assert first["total_count"] == 3
    _, second = rooms.call("POST", "/api/2.1/clusters/events", first["next_page"])
    assert [event["type"] for event in second["events"]] == ["DRIVER_HEALTHY"]
    body = {"cluster_id": cluster_id, "page_size": 2, "order": "ASC", "page_token": second["prev_page_token"]}
    _, back = rooms.call("POST", "/api/2.1/clusters/events", body)
    assert back["events"] == first["events"]
    _, old_style = rooms.call("POST", "/api/2.1/clusters/events", {"cluster_id": cluster_id, "limit": 1})
    assert old_style["next_page"]["offset"] == 1
    with pytest.raises(InvalidParameterValue):
        list(rooms.client().clusters.events(cluster_id, page_token="forged"))


def test_selectors_of_the_sdk_find_something(rooms: ComputeRooms) -> None:
    clusters = rooms.client().clusters
    assert clusters.select_node_type(local_disk=True, min_memory_gb=16) == "m.medium"
    assert clusters.select_spark_version(long_term_support=True, latest=True) == "16.4.x-scala2.12"
    assert "photon" in clusters.select_spark_version(photon=True, latest=True)
    assert clusters.list_zones().default_zone


def test_a_secret_that_cannot_be_resolved_stops_the_launch(rooms: ComputeRooms) -> None:
    client = rooms.client()
    waiter = client.clusters.create(
        spark_version=RUNTIME, num_workers=0, spark_env_vars={"TOKEN": "{{secrets/nope/key}}"}
    )
    with pytest.raises(OperationFailed, match="Failed to fetch secrets referred to in Spark Conf"):
        waiter.result()
    reason = rooms.details(waiter.cluster_id)["termination_reason"]
    assert reason["code"] == "SECRET_RESOLUTION_ERROR"
    assert reason["type"] == "SERVICE_FAULT"
    assert reason["parameters"] == {"databricks_error_message": "Failed to fetch secrets referred to in Spark Conf"}
    _, log = rooms.call("GET", f"/api/2.0/wheelyard/clusters/{waiter.cluster_id}/logs/startup")
    assert "{{secrets/nope/key}}" in log


def test_no_read_on_the_scope_stops_the_launch(rooms: ComputeRooms) -> None:
    client = rooms.client()
    client.secrets.create_scope("private")
    client.secrets.put_secret("private", "key", string_value="hunter2")
    owner = rooms.user("allow-cluster-create")
    waiter = rooms.client(owner).clusters.create(
        spark_version=RUNTIME, num_workers=0, spark_env_vars={"TOKEN": "{{secrets/private/key}}"}
    )
    with pytest.raises(OperationFailed):
        waiter.result()
    details = rooms.details(waiter.cluster_id)
    assert details["termination_reason"]["code"] == "SECRET_PERMISSION_DENIED"
    assert f"{owner.name} has no READ on scope private" in details["state_message"]
    assert "hunter2" not in str(details)


def test_restart_picks_up_a_changed_default(rooms: ComputeRooms) -> None:
    client = rooms.client()
    scope = "databricks-package-management"
    client.secrets.create_scope(scope)
    client.secrets.put_secret(scope, "pip-index-url", string_value="https://u:first-token@index.example/simple/")
    cluster_id = rooms.cluster()
    assert "first-token" in _pip_settings(rooms)
    client.secrets.put_secret(scope, "pip-index-url", string_value="https://u:second-token@index.example/simple/")
    client.clusters.restart(cluster_id).result()
    assert "second-token" in _pip_settings(rooms)
    assert "first-token" not in _pip_settings(rooms)
    _, log = rooms.call("GET", f"/api/2.0/wheelyard/clusters/{cluster_id}/logs/startup")
    assert "https://u:****@index.example/simple/" in log
    assert "workspace default" in log
    assert "-token" not in log


@pytest.mark.parametrize(
    ("runtime", "seen"), [("15.4.x-scala2.12", "/etc/users.pem"), ("17.3.x-scala2.13", "/etc/ssl/bundle.pem")]
)
def test_uv_gets_the_answer_of_the_pip_of_the_runtime(rooms: ComputeRooms, runtime: str, seen: str) -> None:
    variables = {"PIP_PROXY": "http://proxy.example:3128", "REQUESTS_CA_BUNDLE": "/etc/users.pem"}
    rooms.cluster(spark_version=runtime, spark_env_vars=variables)
    assert rooms.engine.started[-1].pip.variables["SSL_CERT_FILE"].reveal() == seen


def _pip_settings(rooms: ComputeRooms) -> str:
    pip = rooms.engine.started[-1].pip
    conf = pip.global_conf.reveal() if pip.global_conf else ""
    return conf + " ".join(value.reveal() for value in pip.variables.values())


def test_a_default_without_read_is_ignored_and_the_log_says_so(rooms: ComputeRooms) -> None:
    client = rooms.client()
    scope = "databricks-package-management"
    client.secrets.create_scope(scope)
    client.secrets.put_secret(scope, "pip-index-url", string_value="https://u:hidden@index.example/simple/")
    cluster_id = rooms.cluster(rooms.user("allow-cluster-create"))
    assert "hidden" not in _pip_settings(rooms)
    _, log = rooms.call("GET", f"/api/2.0/wheelyard/clusters/{cluster_id}/logs/startup")
    assert "workspace default: ignored" in log


def test_the_other_choice_for_a_default_without_read_stops_compute(rooms: ComputeRooms) -> None:
    client, reader = rooms.client(), rooms.user()
    client.secrets.create_scope("databricks-package-management")
    caller = rooms.directory.caller(reader.principal_id)
    fails = replace(DEFAULT_WITHOUT_READ, chosen="fails")
    preparer = Preparer(rooms.secrets, lambda: rooms.switches, fails)
    with pytest.raises(LaunchFailed, match=f"{reader.name} has no READ on scope") as failed:
        preparer.serverless("s-1", "serverless", ENVIRONMENT_VERSIONS[0], (), caller)
    assert failed.value.code == "SECRET_PERMISSION_DENIED"


def test_the_switch_keeps_the_default_out(rooms: ComputeRooms) -> None:
    client = rooms.client()
    scope = "databricks-package-management"
    client.secrets.create_scope(scope)
    client.secrets.put_secret(scope, "pip-index-url", string_value="https://u:hidden@index.example/simple/")
    rooms.switches = type(rooms.switches)(pkg_repo_api_cluster=False)
    cluster_id = rooms.cluster()
    assert "hidden" not in _pip_settings(rooms)
    _, log = rooms.call("GET", f"/api/2.0/wheelyard/clusters/{cluster_id}/logs/startup")
    assert "pkg_repo_api_cluster" in log


def test_secrets_never_reach_the_start_up_log(rooms: ComputeRooms) -> None:
    client = rooms.client()
    client.secrets.create_scope("s")
    client.secrets.put_secret("s", "k", string_value="https://u:hunter2hunter2@index.example/simple")
    cluster_id = rooms.cluster(spark_env_vars={"DATABRICKS_PIP_INDEX_URL": "{{secrets/s/k}}"})
    _, log = rooms.call("GET", f"/api/2.0/wheelyard/clusters/{cluster_id}/logs/startup")
    assert "export DATABRICKS_PIP_INDEX_URL=https://u:****@index.example/simple" in log
    assert "hunter2" not in log
    status, _ = rooms.call("GET", f"/api/2.0/wheelyard/clusters/{cluster_id}/logs/../../rooms.db")
    assert status == 404


def test_after_a_crash_nothing_runs_and_the_record_says_so(tmp_path: Path, server: Server) -> None:
    first = ComputeRooms(tmp_path, server.url)
    server.app = first.app
    running, removed = first.cluster(), first.cluster()
    first.clusters.records.change(removed, _removed)
    # The first process is gone without a word: its threads here just have no say any more.
    second = ComputeRooms(tmp_path, server.url)
    server.app = second.app
    second.recover()
    assert second.engine.swept == 1
    assert second.state(running) == "TERMINATED"
    assert second.details(running)["termination_reason"]["code"] == "COMMUNICATION_LOST"
    assert not second.clusters.records.exists(removed)
    assert second.client().clusters.start(running).result().state is State.RUNNING
    second.close()
    first.close()


def _removed(cluster: Cluster) -> Cluster:
    return replace(cluster, removed=True)


def test_closing_stops_and_records(tmp_path: Path, server: Server) -> None:
    first = ComputeRooms(tmp_path, server.url)
    server.app = first.app
    cluster_id = first.cluster()
    compute = first.engine.started[-1]
    first.close()
    assert compute.stopped
    second = ComputeRooms(tmp_path, server.url)
    server.app = second.app
    assert second.state(cluster_id) == "TERMINATED"
    assert second.details(cluster_id)["termination_reason"]["code"] == "MAINTENANCE_MODE"
    second.close()


def test_closing_waits_for_what_a_clusters_thread_still_writes(rooms: ComputeRooms) -> None:
    writing, written = threading.Event(), threading.Event()

    def prepare(_cluster: Cluster) -> Prepared:
        raise LaunchFailed("not today", code="INVALID_ARGUMENT")

    def forget(_cluster_id: str) -> None:
        writing.set()
        written.wait()

    supervisor = Supervisor(
        engine=InstantEngine(),
        records=rooms.clusters.records,
        logs=rooms.clusters.logs,
        prepare=prepare,
        forget=forget,
    )
    supervisor.launch(rooms.cluster())
    writing.wait()
    closing = threading.Thread(target=supervisor.close)
    closing.start()
    closing.join(0.2)
    assert closing.is_alive()
    written.set()
    closing.join()
