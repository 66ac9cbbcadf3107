"""Which clusters still have an old workspace default."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.control.clusters.settings_rooms import SettingsRooms, Somebody
from tests.control.instant_engine import InstantEngine

from wheelyard.control.clusters.old_defaults import OldDefault, changed_keys
from wheelyard.core.package_sources import KEYS, PackageSources
from wheelyard.core.redaction import SafeUrl

OLD = "https://build:0ld-t0ken-value@pkgs.example.com/simple/"
NEW = "https://build:n3w-t0ken-value@pkgs.example.com/simple/"
EXTRA = "https://pkgs.example.com/team/simple/"

urls = st.sampled_from(["https://a.example.com/simple", "https://b.example.com/simple", "https://u:p@a.example.com/s"])
sources = st.none() | st.builds(
    PackageSources,
    index_url=st.none() | urls.map(SafeUrl),
    extra_index_urls=st.lists(urls.map(SafeUrl), max_size=2).map(tuple),
    certificate=st.none() | st.sampled_from(["-----BEGIN A", "-----BEGIN B"]),
)


@given(one=sources)
def test_nothing_differs_from_itself(one: PackageSources | None) -> None:
    assert changed_keys(one, one) == ()


@given(one=sources, other=sources)
def test_the_order_does_not_count_and_exactly_the_differences_are_named(
    one: PackageSources | None, other: PackageSources | None
) -> None:
    found = changed_keys(one, other)
    assert found == changed_keys(other, one)
    left, right = (source or PackageSources() for source in (one, other))
    same = replace(left) == right
    assert (found == ()) == same
    assert set(found) <= set(KEYS)


def listed(rooms: SettingsRooms, somebody: Somebody | None = None) -> dict[str, OldDefault]:
    return {old.cluster_id: old for old in rooms.clusters.with_old_default(rooms.caller(somebody))}


def test_a_change_lists_what_runs_until_it_restarts(settings_rooms: SettingsRooms) -> None:
    rooms = settings_rooms
    rooms.set_default({"pip-index-url": OLD})
    cluster_id = rooms.cluster(cluster_name="etl")
    assert listed(rooms) == {}
    rooms.set_default({"pip-index-url": NEW, "pip-extra-index-urls": EXTRA})
    old = listed(rooms)[cluster_id]
    assert (old.name, old.owner, old.state, old.can_restart) == ("etl", "admin@example.com", "RUNNING", True)
    assert old.changed_keys == ("pip-index-url", "pip-extra-index-urls")
    assert old.started_at >= rooms.clusters.records.get(cluster_id).created_at
    assert "t0ken" not in repr(old)
    rooms.restart(cluster_id)
    assert listed(rooms) == {}


def test_values_count_and_times_do_not(settings_rooms: SettingsRooms) -> None:
    rooms = settings_rooms
    rooms.set_default({"pip-index-url": OLD})
    cluster_id = rooms.cluster()
    rooms.set_default({"pip-index-url": NEW})
    rooms.set_default({"pip-index-url": OLD})  # and back
    assert listed(rooms) == {}
    rooms.set_default({"pip-index-url": f"{OLD}\n"})  # what pip gets is the same
    assert listed(rooms) == {}
    rooms.admin.client.secrets.delete_scope("databricks-package-management")
    assert listed(rooms)[cluster_id].changed_keys == ("pip-index-url",)


def test_a_default_set_later_is_missed_by_what_ran_before(settings_rooms: SettingsRooms) -> None:
    cluster_id = settings_rooms.cluster()
    assert listed(settings_rooms) == {}
    settings_rooms.set_default({})
    assert listed(settings_rooms) == {}
    settings_rooms.set_default({"pip-cert": "-----BEGIN CERTIFICATE-----"})
    assert listed(settings_rooms)[cluster_id].changed_keys == ("pip-cert",)


def test_what_does_not_run_is_not_listed(settings_rooms: SettingsRooms) -> None:
    rooms = settings_rooms
    rooms.set_default({"pip-index-url": OLD})
    ended, deleted = rooms.cluster(), rooms.cluster()
    rooms.set_default({"pip-index-url": NEW})
    rooms.admin.client.clusters.delete(ended).result()
    rooms.admin.client.clusters.permanent_delete(deleted)
    assert listed(rooms) == {}
    rooms.admin.client.clusters.start(ended).result()
    assert listed(rooms) == {}


def test_the_owners_read_counts(settings_rooms: SettingsRooms) -> None:
    rooms = settings_rooms
    reader, stranger = rooms.creator(), rooms.creator()
    rooms.set_default({"pip-index-url": OLD}, readers=(reader.name,))
    with_default, without = rooms.cluster(reader), rooms.cluster(stranger)
    rooms.set_default({"pip-index-url": NEW})
    assert set(listed(rooms)) == {with_default}
    rooms.restart(with_default)
    rooms.admin.client.secrets.delete_acl("databricks-package-management", reader.name)
    assert listed(rooms)[with_default].changed_keys == ("pip-index-url",)  # a start would have none
    assert without not in listed(rooms)


def test_the_switch_counts(settings_rooms: SettingsRooms) -> None:
    rooms = settings_rooms
    rooms.set_default({"pip-index-url": OLD})
    through_api = rooms.cluster()
    body = {"spark_version": "15.4.x-scala2.12", "num_workers": 0, "cluster_name": "from the page"}
    through_page = rooms.clusters.create_through(rooms.caller(), body, "UI").cluster_id
    rooms.until(lambda: rooms.state(through_page) == "RUNNING")
    rooms.switches = replace(rooms.switches, pkg_repo_api_cluster=False)
    assert set(listed(rooms)) == {through_api}
    rooms.switches = replace(rooms.switches, pkg_repo_api_cluster=True, pkg_repo_ui_cluster=False)
    assert set(listed(rooms)) == {through_page}


def test_an_owner_that_is_gone_leaves_their_clusters_listed(settings_rooms: SettingsRooms) -> None:
    rooms = settings_rooms
    rooms.set_default({"pip-index-url": OLD})
    owner = rooms.creator()
    cluster_id = rooms.cluster(owner)
    rooms.admin.client.users.delete(owner.principal_id)
    assert set(listed(rooms)) == {cluster_id}


def test_people_see_what_they_may_attach_to_and_restart_what_they_may(settings_rooms: SettingsRooms) -> None:
    rooms = settings_rooms
    rooms.set_default({"pip-index-url": OLD})
    attaching, restarting, stranger = rooms.user(), rooms.user(), rooms.user()
    cluster_id = rooms.cluster()
    rooms.share(cluster_id, attaching, "CAN_ATTACH_TO")
    rooms.share(cluster_id, restarting, "CAN_RESTART")
    rooms.set_default({"pip-index-url": NEW})
    assert listed(rooms, stranger) == {}
    assert listed(rooms, attaching)[cluster_id].why_no_restart == "you do not hold CAN_RESTART on it"
    assert listed(rooms, restarting)[cluster_id].can_restart


def test_a_jobs_cluster_is_listed_and_ends_by_itself(settings_rooms: SettingsRooms) -> None:
    rooms = settings_rooms
    rooms.set_default({"pip-index-url": OLD})
    spec: dict[str, Any] = {"spark_version": "15.4.x-scala2.12", "num_workers": 0, "cluster_name": "job-1-run-2"}
    cluster_id = rooms.clusters.create_for_job(rooms.caller(), spec, {})
    rooms.until(lambda: rooms.state(cluster_id) == "RUNNING")
    rooms.set_default({"pip-index-url": NEW})
    old = listed(rooms)[cluster_id]
    assert (old.can_restart, old.why_no_restart) == (False, "it belongs to a job and ends with its run")


def test_a_start_that_took_the_old_default_is_listed_before_it_runs(settings_rooms: SettingsRooms) -> None:
    rooms = settings_rooms
    assert isinstance(rooms.engine, InstantEngine)
    rooms.set_default({"pip-index-url": OLD})
    rooms.engine.hold_starts.set()
    body = {"spark_version": "15.4.x-scala2.12", "num_workers": 0}
    cluster_id = rooms.clusters.create_through(rooms.caller(), body, "API").cluster_id
    rooms.until(lambda: "Starting" in rooms.clusters.logs.read(cluster_id, "startup"))
    rooms.set_default({"pip-index-url": NEW})
    old = listed(rooms)[cluster_id]
    assert (old.state, old.name) == ("PENDING", cluster_id)
    assert old.why_no_restart == "it is pending"
    rooms.engine.hold_starts.clear()
    rooms.until(lambda: rooms.state(cluster_id) == "RUNNING")
    assert listed(rooms)[cluster_id].can_restart


def test_a_restart_under_way_is_listed_until_it_has_taken_the_new_default(settings_rooms: SettingsRooms) -> None:
    rooms = settings_rooms
    assert isinstance(rooms.engine, InstantEngine)
    rooms.set_default({"pip-index-url": OLD})
    cluster_id = rooms.cluster()
    rooms.set_default({"pip-index-url": NEW})
    rooms.engine.hold_starts.set()
    rooms.admin.client.clusters.restart(cluster_id)
    rooms.until(lambda: listed(rooms) == {})
    assert rooms.state(cluster_id) == "RESTARTING"
    rooms.set_default({"pip-index-url": OLD})  # meanwhile somebody changes it again
    assert listed(rooms)[cluster_id].state == "RESTARTING"
    rooms.engine.hold_starts.clear()


def test_the_default_is_read_once_for_each_owner(settings_rooms: SettingsRooms) -> None:
    rooms = settings_rooms
    rooms.set_default({"pip-index-url": OLD})
    owner = rooms.creator()
    for _number in range(3):
        rooms.cluster(owner)
    rooms.set_default({"pip-index-url": NEW})
    before = len(rooms.secrets.audit_entries("databricks-package-management"))
    assert len(listed(rooms)) == 3
    assert len(rooms.secrets.audit_entries("databricks-package-management")) - before <= 1
