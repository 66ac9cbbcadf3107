"""Commands through the official SDK: contexts, results, cancelling, who may."""

from __future__ import annotations

from databricks.sdk.service.compute import CommandStatus, ContextStatus, Language, ResultType
from databricks.sdk.service.workspace import ImportFormat
from tests.control.compute_rooms import ComputeRooms, Person


def context(rooms: ComputeRooms, cluster_id: str, person: Person | None = None) -> str:
    made = rooms.client(person).command_execution.create(cluster_id=cluster_id, language=Language.PYTHON).result()
    assert made.status is ContextStatus.RUNNING
    assert made.id
    return made.id


def run(rooms: ComputeRooms, cluster_id: str, context_id: str, command: str) -> tuple[CommandStatus, dict[str, object]]:
    done = (
        rooms.client()
        .command_execution.execute(
            cluster_id=cluster_id, context_id=context_id, language=Language.PYTHON, command=command
        )
        .result()
    )
    assert done.status
    assert done.results
    return done.status, done.results.as_dict()


def test_commands_share_the_state_of_their_context(rooms: ComputeRooms) -> None:
    cluster_id = rooms.cluster()
    context_id = context(rooms, cluster_id)
    assert run(rooms, cluster_id, context_id, "x = 20") == (CommandStatus.FINISHED, {"resultType": "text"})
    status, results = run(rooms, cluster_id, context_id, "print(x + 1)")
    assert (status, results) == (CommandStatus.FINISHED, {"resultType": "text", "data": "21\n"})


def test_a_context_sees_what_its_owner_may_read_and_what_changed_since(rooms: ComputeRooms) -> None:
    admin, other = rooms.client(), rooms.user()
    cluster_id = rooms.cluster()
    rooms.call(
        "PATCH",
        f"/api/2.0/permissions/clusters/{cluster_id}",
        {"access_control_list": [{"user_name": other.name, "permission_level": "CAN_ATTACH_TO"}]},
    )
    own = f"/Users/{admin.current_user.me().user_name}/own.txt"
    admin.workspace.upload(own, b"mine", format=ImportFormat.AUTO)
    admin.workspace.upload("/Shared/all.txt", b"first", format=ImportFormat.AUTO)
    contexts = context(rooms, cluster_id), context(rooms, cluster_id, other)
    mine, theirs = rooms.engine.running[cluster_id].sessions
    assert mine.staged == {f"/Workspace{own}": b"mine", "/Workspace/Shared/all.txt": b"first"}
    assert theirs.staged == {"/Workspace/Shared/all.txt": b"first"}
    admin.workspace.upload("/Shared/all.txt", b"second", format=ImportFormat.AUTO, overwrite=True)
    status, results = run(rooms, cluster_id, contexts[0], "print(read('/Workspace/Shared/all.txt'))")
    assert (status, results) == (CommandStatus.FINISHED, {"resultType": "text", "data": "second\n"})
    assert theirs.staged == {"/Workspace/Shared/all.txt": b"first"}


def test_an_exception_is_a_result(rooms: ComputeRooms) -> None:
    cluster_id = rooms.cluster()
    context_id = context(rooms, cluster_id)
    status, results = run(rooms, cluster_id, context_id, "raise ValueError('no')")
    assert status is CommandStatus.FINISHED
    assert results["resultType"] == ResultType.ERROR.value
    assert results["summary"] == "ValueError: no"
    assert "Traceback" in str(results["cause"])


def test_images_come_as_data_urls(rooms: ComputeRooms) -> None:
    cluster_id = rooms.cluster()
    context_id = context(rooms, cluster_id)
    _, results = run(rooms, cluster_id, context_id, "display_image('iVBORw0=')")
    assert results["resultType"] == "image"
    assert results["fileName"] == "data:image/png;base64,iVBORw0="


def test_cancelling_takes_out_a_waiting_and_interrupts_a_running_command(rooms: ComputeRooms) -> None:
    cluster_id = rooms.cluster()
    context_id = context(rooms, cluster_id)
    api = rooms.client().command_execution
    running = api.execute(cluster_id=cluster_id, context_id=context_id, language=Language.PYTHON, command="wait()")
    waiting = api.execute(cluster_id=cluster_id, context_id=context_id, language=Language.PYTHON, command="print(1)")
    assert api.command_status(cluster_id, context_id, waiting.command_id).status is CommandStatus.QUEUED
    rooms.until(lambda: api.command_status(cluster_id, context_id, running.command_id).status is CommandStatus.RUNNING)
    for command in (waiting, running):
        cancelled = api.cancel(cluster_id=cluster_id, context_id=context_id, command_id=command.command_id).result()
        assert cancelled.status is CommandStatus.CANCELLED
    assert run(rooms, cluster_id, context_id, "print('on')")[0] is CommandStatus.FINISHED


def test_user_code_has_a_token_of_its_own_that_ends_with_the_context(rooms: ComputeRooms) -> None:
    cluster_id = rooms.cluster()
    context_id = context(rooms, cluster_id)
    compute = rooms.engine.running[cluster_id]
    identity = compute.identities[-1]
    assert identity.name == "admin@example.com"
    assert identity.host == rooms.url
    person = Person("", "", identity.token.reveal())
    assert identity.token in compute.hidden
    assert rooms.client(person).current_user.me().user_name == "admin@example.com"
    rooms.client().secrets.create_scope("s")
    rooms.client().secrets.put_secret("s", "k", string_value="read-by-code")
    rooms.client(person).secrets.get_secret("s", "k")
    assert "read-by-code" in {secret.reveal() for secret in compute.hidden}
    rooms.client().command_execution.destroy(cluster_id, context_id)
    rooms.until(lambda: compute.sessions[-1].closed)
    status, _ = rooms.call("GET", "/api/2.0/preview/scim/v2/Me", person=person)
    assert status in {401, 403}


def test_contexts_die_with_the_cluster(rooms: ComputeRooms) -> None:
    cluster_id = rooms.cluster()
    context_id = context(rooms, cluster_id)
    compute = rooms.engine.running[cluster_id]
    rooms.client().clusters.restart(cluster_id).result()
    rooms.until(lambda: compute.sessions[-1].closed)
    status, answer = rooms.call("GET", f"/api/1.2/contexts/status?clusterId={cluster_id}&contextId={context_id}")
    assert status == 404
    assert set(answer) == {"error"}


def test_refusals_use_the_envelope_of_their_api(rooms: ComputeRooms) -> None:
    status, answer = rooms.call("POST", "/api/1.2/contexts/create", {"clusterId": "nope", "language": "python"})
    assert (status, answer) == (404, {"error": "Cluster nope does not exist"})
    cluster_id = rooms.cluster()
    for language in ("scala", "cobol"):
        body = {"clusterId": cluster_id, "language": language}
        status, answer = rooms.call("POST", "/api/1.2/contexts/create", body)
        assert status == 400
        assert language in answer["error"]
    context_id = context(rooms, cluster_id)
    body = {"clusterId": cluster_id, "contextId": context_id, "language": "sql", "command": "select 1"}
    _, made = rooms.call("POST", "/api/1.2/commands/execute", body)
    _, answer = rooms.call(
        "GET",
        f"/api/1.2/commands/status?clusterId={cluster_id}&contextId={context_id}&commandId={made['id']}",
    )
    assert answer["status"] == "Error"
    assert "sql" in answer["results"]["cause"]
    rooms.client().clusters.delete(cluster_id).result()
    status, answer = rooms.call("POST", "/api/1.2/contexts/create", {"clusterId": cluster_id, "language": "python"})
    assert status == 400
    assert "Terminated" in answer["error"]


def test_a_context_belongs_to_its_maker(rooms: ComputeRooms) -> None:
    cluster_id = rooms.cluster()
    context_id = context(rooms, cluster_id)
    other = rooms.user()
    status, _ = rooms.call(
        "GET", f"/api/1.2/contexts/status?clusterId={cluster_id}&contextId={context_id}", person=other
    )
    assert status == 404
    status, answer = rooms.call(
        "POST", "/api/1.2/contexts/create", {"clusterId": cluster_id, "language": "python"}, person=other
    )
    assert status == 403
    assert set(answer) == {"error"}


def test_dedicated_compute_serves_its_principal_only(rooms: ComputeRooms) -> None:
    somebody = rooms.user("allow-cluster-create")
    cluster_id = rooms.cluster(somebody, data_security_mode="SINGLE_USER")
    context(rooms, cluster_id, somebody)
    status, answer = rooms.call("POST", "/api/1.2/contexts/create", {"clusterId": cluster_id, "language": "python"})
    assert status == 403
    assert "Single-user check failed" in answer["error"]
