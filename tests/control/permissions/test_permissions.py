from __future__ import annotations

import itertools
from typing import Any

import pytest
from databricks.sdk.errors import InvalidParameterValue, NotFound, PermissionDenied
from databricks.sdk.service import iam

from wheelyard.core import errors
from wheelyard.core.permissions import LEVELS

Workspace = Any
Level = iam.PermissionLevel
_ids = itertools.count(1)


def _job(identity: Workspace, owner: Any) -> str:
    job_id = str(next(_ids))
    identity.permissions.created("job", job_id, identity.directory.caller(owner.principal_id))
    return job_id


def _levels(answer: iam.ObjectPermissions) -> dict[str, list[str]]:
    return {
        entry.user_name or entry.group_name or entry.service_principal_name or "": [
            permission.permission_level.value
            for permission in entry.all_permissions or []
            if permission.permission_level
        ]
        for entry in answer.access_control_list or []
    }


def test_creator_and_admins_are_listed(identity: Workspace) -> None:
    owner = identity.user()
    job = _job(identity, owner)
    answer = identity.request("GET", f"/api/2.0/permissions/jobs/{job}", token=owner.token).json
    assert (answer["object_id"], answer["object_type"]) == (f"/jobs/{job}", "job")
    assert answer["access_control_list"] == [
        {
            "user_name": owner.name,
            "display_name": owner.name,
            "all_permissions": [{"permission_level": "IS_OWNER", "inherited": False}],
        },
        {
            "group_name": "admins",
            "all_permissions": [
                {"permission_level": "CAN_MANAGE", "inherited": True, "inherited_from_object": ["/jobs/"]}
            ],
        },
    ]


def test_put_replaces_and_patch_merges(identity: Workspace) -> None:
    owner, other, pipeline = identity.user(), identity.user(), identity.service_principal()
    api, job = identity.client(owner.token).permissions, _job(identity, owner)
    owns = iam.AccessControlRequest(user_name=owner.name, permission_level=Level.IS_OWNER)
    sees = iam.AccessControlRequest(group_name="users", permission_level=Level.CAN_VIEW)
    runs = iam.AccessControlRequest(service_principal_name=pipeline.name, permission_level=Level.CAN_MANAGE_RUN)
    shown = _levels(api.set("jobs", job, access_control_list=[owns, sees]))
    assert shown == {owner.name: ["IS_OWNER"], "users": ["CAN_VIEW"], "admins": ["CAN_MANAGE"]}
    shown = _levels(api.update("jobs", job, access_control_list=[runs]))
    assert shown == {
        owner.name: ["IS_OWNER"],
        "users": ["CAN_VIEW"],
        pipeline.name: ["CAN_MANAGE_RUN"],
        "admins": ["CAN_MANAGE"],
    }
    assert identity.permissions.holds(identity.authenticate(pipeline.token), "job", job, "CAN_MANAGE_RUN")
    assert not identity.permissions.holds(identity.authenticate(other.token), "job", job, "CAN_MANAGE_RUN")
    assert identity.permissions.holds(identity.authenticate(other.token), "job", job, "CAN_VIEW")
    api.set("jobs", job, access_control_list=[owns])
    assert not identity.permissions.holds(identity.authenticate(other.token), "job", job, "CAN_VIEW")


def test_a_job_has_one_owner(identity: Workspace) -> None:
    owner, other = identity.user(), identity.user()
    api, job = identity.client(owner.token).permissions, _job(identity, owner)
    own = [
        iam.AccessControlRequest(user_name=person.name, permission_level=Level.IS_OWNER) for person in (owner, other)
    ]
    for entries in ([], own):
        with pytest.raises(InvalidParameterValue) as refused:
            api.set("jobs", job, access_control_list=entries)
        assert "The job must have exactly one owner." in str(refused.value)
    with pytest.raises(InvalidParameterValue):
        api.set(
            "jobs",
            job,
            access_control_list=[iam.AccessControlRequest(group_name="users", permission_level=Level.IS_OWNER)],
        )
    assert _levels(api.update("jobs", job, access_control_list=own[1:])) == {
        owner.name: ["CAN_MANAGE"],
        other.name: ["IS_OWNER"],
        "admins": ["CAN_MANAGE"],
    }


@pytest.mark.parametrize(
    ("entry", "word"),
    [
        ({"user_name": "nobody@example.com", "permission_level": "CAN_VIEW"}, "UserName(nobody@example.com)"),
        ({"group_name": "nobodies", "permission_level": "CAN_VIEW"}, "GroupName(nobodies)"),
        ({"user_name": "users", "permission_level": "CAN_VIEW"}, "UserName(users)"),
        ({"permission_level": "CAN_VIEW"}, "exactly one"),
        ({"user_name": "admin@example.com", "group_name": "users", "permission_level": "CAN_VIEW"}, "exactly one"),
        ({"user_name": "admin@example.com", "permission_level": "CAN_FLY"}, "CAN_FLY"),
        ({"user_name": "admin@example.com", "permission_level": "CAN_RESTART"}, "CAN_RESTART"),
        ({"user_name": "admin@example.com"}, "permission_level"),
    ],
)
def test_entries_that_make_no_sense(identity: Workspace, entry: dict[str, str], word: str) -> None:
    owner = identity.user()
    job = _job(identity, owner)
    before = identity.request("GET", f"/api/2.0/permissions/jobs/{job}").json
    answer = identity.request("PATCH", f"/api/2.0/permissions/jobs/{job}", body={"access_control_list": [entry]})
    assert answer.status in {400, 404}
    assert word in answer.json["message"]
    assert identity.request("GET", f"/api/2.0/permissions/jobs/{job}").json == before


def test_unknown_types_and_objects(identity: Workspace) -> None:
    api = identity.client().permissions
    with pytest.raises(InvalidParameterValue):
        api.get("authorization", "tokens")
    with pytest.raises(NotFound):
        api.get("jobs", "999999")
    with pytest.raises(NotFound):
        api.get("clusters", "0101-101010-abcdefgh")


def test_only_who_manages_may_look(identity: Workspace) -> None:
    owner, viewer = identity.user(), identity.user()
    job = _job(identity, owner)
    identity.client().permissions.update(
        "jobs",
        job,
        access_control_list=[iam.AccessControlRequest(user_name=viewer.name, permission_level=Level.CAN_MANAGE_RUN)],
    )
    with pytest.raises(PermissionDenied) as refused:
        identity.client(viewer.token).permissions.get("jobs", job)
    assert f"{viewer.name} does not have CAN_MANAGE permission on job {job}" in str(refused.value)
    assert identity.client().permissions.get("jobs", job)


def test_levels_of_a_kind(identity: Workspace) -> None:
    job = _job(identity, identity.admin)
    levels = identity.client().permissions.get_permission_levels("jobs", job).permission_levels or []
    assert [level.permission_level.value for level in levels if level.permission_level] == list(LEVELS["job"])
    assert all(level.description for level in levels)


def test_older_sdk_methods_use_the_same_urls(identity: Workspace) -> None:
    from databricks.sdk.service import compute

    owner = identity.user()
    identity.permissions.created("cluster", "0101-111111-abcdefgh", identity.directory.caller(owner.principal_id))
    api = identity.client(owner.token).clusters
    api.set_permissions(
        "0101-111111-abcdefgh",
        access_control_list=[
            compute.ClusterAccessControlRequest(
                group_name="users", permission_level=compute.ClusterPermissionLevel.CAN_ATTACH_TO
            ),
            compute.ClusterAccessControlRequest(
                user_name=owner.name, permission_level=compute.ClusterPermissionLevel.CAN_MANAGE
            ),
        ],
    )
    shown = api.get_permissions("0101-111111-abcdefgh")
    assert {entry.group_name for entry in shown.access_control_list or []} >= {"users", "admins"}


def test_levels_come_down_from_directories(identity: Workspace) -> None:
    owner, reader = identity.user(), identity.user()
    admin = identity.directory.caller(identity.admin.principal_id)
    identity.permissions.inherit(["notebook"], lambda object_id: [("directory", f"above-{object_id}")])
    identity.permissions.created("directory", "above-7", identity.directory.caller(owner.principal_id))
    identity.permissions.created("notebook", "7", admin)
    assert identity.permissions.holds(identity.authenticate(owner.token), "notebook", "7", "CAN_MANAGE")
    assert not identity.permissions.holds(identity.authenticate(reader.token), "notebook", "7", "CAN_READ")
    shown = identity.request("GET", "/api/2.0/permissions/notebooks/7", token=owner.token).json
    inherited = next(entry for entry in shown["access_control_list"] if entry.get("user_name") == owner.name)
    assert inherited["all_permissions"] == [
        {"permission_level": "CAN_MANAGE", "inherited": True, "inherited_from_object": ["/directories/above-7"]}
    ]


def test_levels_end_with_the_principal_and_follow_a_group(identity: Workspace) -> None:
    owner, member = identity.user(), identity.user()
    job = _job(identity, owner)
    group = identity.client().groups.create(
        display_name="viewers", members=[iam.ComplexValue(value=member.principal_id)]
    )
    identity.client().permissions.update(
        "jobs",
        job,
        access_control_list=[iam.AccessControlRequest(group_name="viewers", permission_level=Level.CAN_VIEW)],
    )
    identity.client().groups.update(
        group.id, display_name="watchers", members=[iam.ComplexValue(value=member.principal_id)]
    )
    assert identity.permissions.holds(identity.authenticate(member.token), "job", job, "CAN_VIEW")
    identity.client().groups.delete(group.id)
    again = identity.client().groups.create(
        display_name="watchers", members=[iam.ComplexValue(value=member.principal_id)]
    )
    assert again.id
    assert not identity.permissions.holds(identity.authenticate(member.token), "job", job, "CAN_VIEW")


def test_require_and_forget(identity: Workspace) -> None:
    owner, other = identity.user(), identity.user()
    job = _job(identity, owner)
    caller = identity.authenticate(other.token)
    with pytest.raises(errors.PermissionDenied) as refused:
        identity.permissions.require(caller, "job", job, "CAN_VIEW", action="see it")
    assert refused.value.what == f"{other.name} does not have CAN_VIEW permission on job {job} to see it."
    identity.permissions.forget("job", job)
    assert not identity.permissions.holds(identity.authenticate(owner.token), "job", job, "CAN_VIEW")
    assert identity.permissions.holds(identity.authenticate(identity.admin.token), "job", job, "IS_OWNER")


def test_a_new_owner_leaves_the_others(identity: Workspace) -> None:
    owner, new = identity.user(), identity.user()
    job = _job(identity, owner)
    identity.permissions.created("job", job, identity.directory.caller(new.principal_id))
    assert identity.permissions.holds(identity.authenticate(owner.token), "job", job, "CAN_MANAGE")
    assert identity.permissions.holds(identity.authenticate(new.token), "job", job, "IS_OWNER")
