"""Libraries through the official SDK: statuses, order, messages, restart, removal."""

from __future__ import annotations

from typing import Any

import pytest
from databricks.sdk.errors import BadRequest, InvalidParameterValue
from databricks.sdk.service.compute import Library, LibraryInstallStatus, PythonPyPiLibrary
from databricks.sdk.service.workspace import ImportFormat
from tests.control.compute_rooms import ComputeRooms, Person


def statuses(rooms: ComputeRooms, cluster_id: str) -> list[dict[str, Any]]:
    status, answer = rooms.call("GET", f"/api/2.0/libraries/cluster-status?cluster_id={cluster_id}")
    assert status == 200
    found: list[dict[str, Any]] = answer["library_statuses"]
    return found


def settle(rooms: ComputeRooms, cluster_id: str) -> list[dict[str, Any]]:
    on_the_way = {"PENDING", "RESOLVING", "INSTALLING"}
    rooms.until(lambda: not any(row["status"] in on_the_way for row in statuses(rooms, cluster_id)))
    return statuses(rooms, cluster_id)


def pypi(package: str, repo: str | None = None) -> dict[str, Any]:
    return {"pypi": {"package": package, **({"repo": repo} if repo else {})}}


def install(rooms: ComputeRooms, cluster_id: str, *libraries: dict[str, Any], person: Person | None = None) -> None:
    body = {"cluster_id": cluster_id, "libraries": list(libraries)}
    assert rooms.call("POST", "/api/2.0/libraries/install", body, person) == (200, {})


def test_libraries_install_in_the_order_asked(rooms: ComputeRooms) -> None:
    cluster_id = rooms.cluster()
    client = rooms.client()
    wanted = [Library(pypi=PythonPyPiLibrary(package=name)) for name in ("b==1", "a==2", "c")]
    client.libraries.install(cluster_id, wanted)
    settle(rooms, cluster_id)
    found = list(client.libraries.cluster_status(cluster_id))
    assert [status.library.pypi.package for status in found if status.library and status.library.pypi] == [
        "b==1",
        "a==2",
        "c",
    ]
    assert {status.status for status in found} == {LibraryInstallStatus.INSTALLED}
    assert [arguments for arguments, _ in rooms.engine.running[cluster_id].installed] == [("b==1",), ("a==2",), ("c",)]
    assert [status.cluster_id for status in client.libraries.all_cluster_statuses()] == [cluster_id]
    _, log = rooms.call("GET", f"/api/2.0/wheelyard/clusters/{cluster_id}/logs/libraries")
    assert "installed b==1" in log


def test_a_failed_library_says_why_and_hides_credentials(rooms: ComputeRooms) -> None:
    cluster_id = rooms.cluster()
    repo = "https://robot:hunter2hunter2@index.example/simple"
    install(rooms, cluster_id, pypi("missing-package", repo), pypi("fine"))
    failed, fine = settle(rooms, cluster_id)
    assert failed["status"] == "FAILED"
    assert fine["status"] == "INSTALLED"
    assert failed["library"] == pypi("missing-package", repo)
    message = failed["messages"][0]
    assert f"Library installation attempted on the driver node of cluster {cluster_id} and failed." in message
    assert "Error Code: NO_MATCHING_DISTRIBUTION_ERROR." in message
    assert "No matching distribution found for missing-package" in message
    assert "hunter2" not in message
    _, log = rooms.call("GET", f"/api/2.0/wheelyard/clusters/{cluster_id}/logs/libraries")
    assert "hunter2" not in log
    assert rooms.state(cluster_id) == "RUNNING"


def test_restart_installs_again_and_drops_what_was_marked(rooms: ComputeRooms) -> None:
    cluster_id = rooms.cluster()
    install(rooms, cluster_id, pypi("a"), pypi("b"))
    settle(rooms, cluster_id)
    body = {"cluster_id": cluster_id, "libraries": [pypi("a"), pypi("unknown")]}
    assert rooms.call("POST", "/api/2.0/libraries/uninstall", body) == (200, {})
    assert [row["status"] for row in statuses(rooms, cluster_id)] == ["INSTALLED", "UNINSTALL_ON_RESTART"]
    rooms.client().clusters.restart(cluster_id).result()
    found = settle(rooms, cluster_id)
    assert [(row["library"], row["status"]) for row in found] == [(pypi("b"), "INSTALLED")]
    assert rooms.engine.running[cluster_id].installed == [(("b",), None)]


def test_a_terminated_cluster_keeps_its_list_for_the_next_start(rooms: ComputeRooms) -> None:
    client = rooms.client()
    cluster_id = rooms.cluster()
    client.clusters.delete(cluster_id).result()
    install(rooms, cluster_id, pypi("a"), pypi("b"))
    assert [row["status"] for row in statuses(rooms, cluster_id)] == ["PENDING", "PENDING"]
    rooms.call("POST", "/api/2.0/libraries/uninstall", {"cluster_id": cluster_id, "libraries": [pypi("a")]})
    assert [row["library"] for row in statuses(rooms, cluster_id)] == [pypi("b")]
    client.clusters.start(cluster_id).result()
    assert [row["status"] for row in settle(rooms, cluster_id)] == ["INSTALLED"]
    client.clusters.permanent_delete(cluster_id)
    rooms.until(lambda: not rooms.libraries._records.of_cluster(cluster_id))


def test_an_installation_sees_what_it_names_and_the_one_who_asked_may_read(rooms: ComputeRooms) -> None:
    client = rooms.client()
    asker = rooms.user()
    own = f"/Users/{client.current_user.me().user_name}"
    contents = {
        "/Shared/lib/requirements.txt": f"acme==1\n-r more.txt\n-c /Workspace{own}/secret.txt\n-f wheels/\n",
        "/Shared/lib/more.txt": "tool @ file:///Workspace/Shared/my%20tool-1-py3-none-any.whl\n",
        "/Shared/lib/wheels/one.whl": "-r /Workspace/Shared/lib/unused.txt",
        "/Shared/lib/unused.txt": "",
        "/Shared/my tool-1-py3-none-any.whl": "wheel",
        f"{own}/secret.txt": "",
    }
    client.workspace.mkdirs("/Shared/lib/wheels")
    for path, content in contents.items():
        client.workspace.upload(path, content.encode(), format=ImportFormat.AUTO, overwrite=True)
    cluster_id = rooms.cluster()
    rooms.call(
        "PATCH",
        f"/api/2.0/permissions/clusters/{cluster_id}",
        {"access_control_list": [{"user_name": asker.name, "permission_level": "CAN_MANAGE"}]},
    )
    install(rooms, cluster_id, {"requirements": "/Shared/lib/requirements.txt"}, person=asker)
    assert settle(rooms, cluster_id)[0]["status"] == "INSTALLED"
    compute = rooms.engine.running[cluster_id]
    assert compute.installed == [(("-r", "/Workspace/Shared/lib/requirements.txt"), None)]
    unused = {"/Shared/lib/unused.txt", f"{own}/secret.txt"}
    assert compute.installed_with == [
        {f"/Workspace{path}": content.encode() for path, content in contents.items() if path not in unused}
    ]
    install(rooms, cluster_id, pypi("acme"), {"whl": "/Shared/my tool-1-py3-none-any.whl"})
    settle(rooms, cluster_id)
    assert compute.installed_with[1:] == [{}, {"/Workspace/Shared/my tool-1-py3-none-any.whl": b"wheel"}]


def test_what_pip_has_no_part_in_is_skipped(rooms: ComputeRooms) -> None:
    cluster_id = rooms.cluster()
    install(rooms, cluster_id, {"maven": {"coordinates": "a:b:1"}}, {"jar": "/Workspace/x.jar"})
    assert [row["status"] for row in settle(rooms, cluster_id)] == ["SKIPPED", "SKIPPED"]


@pytest.mark.parametrize(
    ("library", "words"),
    [
        ({}, "exactly one of"),
        ({"pypi": {"package": "a"}, "whl": "/x.whl"}, "exactly one of"),
        ({"pypi": {"package": " "}}, "package"),
        ({"pypi": {"package": "--index-url=https://evil.example"}}, "does not begin with"),
        ({"whl": "--index-url=https://evil.example"}, "does not begin with"),
        ({"requirements": " -c/etc/passwd"}, "does not begin with"),
        ({"whl": "dbfs:/x.whl"}, "DBFS library installations are not supported on DBR 15 or above."),
        ({"egg": "/Workspace/x.egg"}, "Egg libraries are not supported"),
        ({"whl": 7}, "path"),
    ],
)
def test_a_library_that_could_never_install_is_refused(
    rooms: ComputeRooms, library: dict[str, Any], words: str
) -> None:
    cluster_id = rooms.cluster()
    body = {"cluster_id": cluster_id, "libraries": [pypi("fine"), library]}
    status, answer = rooms.call("POST", "/api/2.0/libraries/install", body)
    assert status == 400
    assert words in answer["message"]
    assert statuses(rooms, cluster_id) == []


def test_a_missing_cluster_has_the_text_clients_match(rooms: ComputeRooms) -> None:
    with pytest.raises(InvalidParameterValue, match="Cluster nope does not exist"):
        list(rooms.client().libraries.cluster_status("nope"))
    with pytest.raises(BadRequest, match="Cluster nope does not exist"):
        rooms.client().libraries.install("nope", [Library(pypi=PythonPyPiLibrary(package="a"))])


def test_terminating_while_installing_leaves_the_library_wanted(rooms: ComputeRooms) -> None:
    cluster_id = rooms.cluster()
    rooms.engine.hold_installs.set()
    install(rooms, cluster_id, pypi("slow"))
    rooms.until(lambda: statuses(rooms, cluster_id)[0]["status"] == "INSTALLING")
    rooms.client().clusters.delete(cluster_id).result()
    rooms.engine.hold_installs.clear()
    assert statuses(rooms, cluster_id)[0]["status"] == "PENDING"
    assert statuses(rooms, cluster_id)[0]["messages"] == []
