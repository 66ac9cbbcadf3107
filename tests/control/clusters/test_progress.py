"""How far a start or restart has come."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from tests.control.clusters.settings_rooms import SettingsRooms
from tests.control.instant_engine import InstantEngine

from wheelyard.control.clusters.log_files import LogFolder
from wheelyard.control.clusters.progress import Progress, Step, progress_of
from wheelyard.control.clusters.states import LIVE, TERMINATION_TYPES, ClusterState, termination
from wheelyard.control.clusters.store import Cluster
from wheelyard.core.errors import LaunchFailed, NotFound, PermissionDenied

OLD = "https://build:0ld-t0ken-value@pkgs.example.com/simple/"
NEW = "https://build:n3w-t0ken-value@pkgs.example.com/simple/"


def cluster(state: ClusterState, code: str = "", message: str = "") -> Cluster:
    reason = termination(code, message) if code else None
    return Cluster("c", {}, "1", "ana", "1", "API", state, 1, 1, termination=reason)


@pytest.mark.parametrize(("state", "step"), list(itertools.product(ClusterState, (None, *Step))))
def test_every_moment_has_words(state: ClusterState, step: Step | None) -> None:
    seen = progress_of(cluster(state), step, has_old_default=True, last_line="…")
    assert seen.stage
    assert seen.fraction is None or 0 <= seen.fraction <= 1
    assert (seen.fraction == 1) == (state is ClusterState.RUNNING) == seen.has_old_default
    assert seen.is_settled == (state is ClusterState.RUNNING or state not in LIVE)
    assert not seen.last_line or state in {ClusterState.PENDING, ClusterState.RESTARTING}


@pytest.mark.parametrize(
    ("state", "steps", "fractions"),
    [
        (ClusterState.PENDING, (None, Step.READING, Step.PREPARING), [0, 0, 1 / 2]),
        (ClusterState.RESTARTING, (None, Step.STOPPING, Step.READING, Step.PREPARING), [0, 0, 1 / 3, 2 / 3]),
    ],
)
def test_steps_go_forward(state: ClusterState, steps: tuple[Step | None, ...], fractions: list[float]) -> None:
    assert [progress_of(cluster(state), step).fraction for step in steps] == fractions


@pytest.mark.parametrize("code", TERMINATION_TYPES)
def test_only_what_went_wrong_has_failed(code: str) -> None:
    seen = progress_of(cluster(ClusterState.TERMINATED, code, "why"), None)
    assert seen.failed == ("" if TERMINATION_TYPES[code] == "SUCCESS" else f"{code}: why")
    assert seen.stage == ("Ended with a failure" if seen.failed else "Ended")


def test_the_last_line_is_read_from_the_end(tmp_path: Path) -> None:
    logs = LogFolder(tmp_path, lambda: 0.0)
    assert logs.last_line("c", "startup") == ""
    for number in range(2000):
        logs.open("c", "startup").line(f"line {number}")
    assert logs.last_line("c", "startup") == "line 1999"
    logs.open("c", "startup").line("long " + "ä" * 5000)
    assert logs.last_line("c", "startup").endswith("ää")
    with pytest.raises(NotFound):
        logs.last_line("c", "../../etc/passwd")


def progress(rooms: SettingsRooms, cluster_id: str) -> Progress:
    return rooms.clusters.progress(rooms.caller(), cluster_id)


def test_a_restart_goes_through_its_steps(settings_rooms: SettingsRooms) -> None:
    rooms = settings_rooms
    assert isinstance(rooms.engine, InstantEngine)
    rooms.set_default({"pip-index-url": OLD})
    cluster_id = rooms.cluster()
    rooms.set_default({"pip-index-url": NEW})
    seen = progress(rooms, cluster_id)
    assert (seen.state, seen.stage, seen.fraction, seen.has_old_default) == ("RUNNING", "Running", 1.0, True)
    assert seen.is_settled
    rooms.engine.hold_starts.set()
    rooms.admin.client.clusters.restart(cluster_id)
    fractions = [0.0]
    while (seen := progress(rooms, cluster_id)).stage != Step.PREPARING.value or seen.last_line != "Starting":
        fractions.append(progress(rooms, cluster_id).fraction or 0.0)
    assert fractions == sorted(fractions)
    assert seen.state == "RESTARTING"
    assert (seen.fraction, seen.is_settled) == (2 / 3, False)
    rooms.engine.hold_starts.clear()
    rooms.until(lambda: progress(rooms, cluster_id).is_settled)
    seen = progress(rooms, cluster_id)
    assert (seen.state, seen.has_old_default, seen.last_line) == ("RUNNING", False, "")


def test_what_an_engine_says_is_redacted_once_more(settings_rooms: SettingsRooms) -> None:
    rooms = settings_rooms
    assert isinstance(rooms.engine, InstantEngine)
    reference = rooms.secret("own", "url", OLD)
    variables = {"DATABRICKS_PIP_INDEX_URL": reference}
    rooms.engine.refuse = LaunchFailed(f"no answer from {OLD}", code="UNEXPECTED_LAUNCH_FAILURE")
    cluster_id = rooms.cluster(running=False, spark_env_vars=variables)
    assert rooms.clusters.logs.last_line(cluster_id, "startup").endswith("https://build:****@pkgs.example.com/simple/")
    assert "t0ken" not in progress(rooms, cluster_id).failed
    assert "t0ken" not in str(rooms.admin.client.clusters.get(cluster_id).as_dict())


def test_a_failed_start_says_why(settings_rooms: SettingsRooms) -> None:
    cluster_id = settings_rooms.cluster(running=False, spark_env_vars={"TOKEN": "{{secrets/none/here}}"})
    seen = progress(settings_rooms, cluster_id)
    assert (seen.state, seen.stage, seen.fraction) == ("TERMINATED", "Ended with a failure", None)
    assert seen.failed.startswith("SECRET_RESOLUTION_ERROR: Failed to fetch secrets")
    assert seen.is_settled


def test_who_ends_it_hears_of_no_failure(settings_rooms: SettingsRooms) -> None:
    cluster_id = settings_rooms.cluster()
    settings_rooms.admin.client.clusters.delete(cluster_id).result()
    seen = progress(settings_rooms, cluster_id)
    assert (seen.state, seen.stage, seen.failed, seen.fraction) == ("TERMINATED", "Ended", "", None)


def test_progress_is_for_those_who_may_attach_and_the_log_for_those_who_manage(settings_rooms: SettingsRooms) -> None:
    rooms = settings_rooms
    assert isinstance(rooms.engine, InstantEngine)
    attaching, stranger = rooms.user(), rooms.user()
    rooms.engine.hold_starts.set()
    body = {"spark_version": "15.4.x-scala2.12", "num_workers": 0}
    cluster_id = rooms.clusters.create_through(rooms.caller(), body, "API").cluster_id
    rooms.share(cluster_id, attaching, "CAN_ATTACH_TO")
    rooms.until(lambda: progress(rooms, cluster_id).last_line == "Starting")
    seen = rooms.clusters.progress(rooms.caller(attaching), cluster_id)
    assert (seen.stage, seen.last_line) == ("Preparing the Python environment", "")
    with pytest.raises(PermissionDenied):
        rooms.clusters.progress(rooms.caller(stranger), cluster_id)
    with pytest.raises(NotFound):
        rooms.clusters.progress(rooms.caller(), "0101-000000-missing0")
    rooms.engine.hold_starts.clear()


def test_asking_while_it_starts_reads_no_secret(settings_rooms: SettingsRooms) -> None:
    rooms = settings_rooms
    assert isinstance(rooms.engine, InstantEngine)
    rooms.set_default({"pip-index-url": OLD})
    rooms.engine.hold_starts.set()
    body = {"spark_version": "15.4.x-scala2.12", "num_workers": 0}
    cluster_id = rooms.clusters.create_through(rooms.caller(), body, "API").cluster_id
    rooms.until(lambda: progress(rooms, cluster_id).last_line == "Starting")
    before = len(rooms.secrets.audit_entries("databricks-package-management"))
    for _time in range(5):
        progress(rooms, cluster_id)
    assert len(rooms.secrets.audit_entries("databricks-package-management")) == before
    rooms.engine.hold_starts.clear()
