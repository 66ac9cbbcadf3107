from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from databricks.sdk.errors import AlreadyExists, BadRequest, NotFound, PermissionDenied, ResourceConflict
from databricks.sdk.service import iam

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

Workspace = Any
SCIM = "/api/2.0/preview/scim/v2"


def _patch(*operations: tuple[str, str | None, Any]) -> dict[str, Any]:
    return {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [
            {"op": op, **({"path": path} if path else {}), **({} if value is None else {"value": value})}
            for op, path, value in operations
        ],
    }


def _members(client: WorkspaceClient, group_id: str) -> set[str]:
    return {member.value or "" for member in client.groups.get(group_id).members or []}


def _group(identity: Workspace, name: str, *members: str) -> str:
    made = identity.client().groups.create(
        display_name=name, members=[iam.ComplexValue(value=member) for member in members]
    )
    assert made.id
    return str(made.id)


class TestMe:
    def test_user_sees_itself_with_groups_and_workspace_id(self, identity: Workspace) -> None:
        person = identity.user("ana@example.com")
        client = identity.client(person.token)
        me = client.current_user.me()
        assert me.id is not None
        assert me.id.isdigit()
        assert me.user_name == "ana@example.com"
        assert me.active is True
        assert [group.display for group in me.groups or []] == ["users"]
        assert me.emails is not None
        assert me.emails[0].value == "ana@example.com"
        assert str(client.get_workspace_id()) == "7405605123456789"

    def test_admin_is_in_admins(self, identity: Workspace) -> None:
        me = identity.client().current_user.me()
        assert "admins" in [group.display for group in me.groups or []]

    def test_service_principals_user_name_is_its_application_id(self, identity: Workspace) -> None:
        person = identity.service_principal()
        me = identity.client(person.token).current_user.me()
        assert me.user_name == person.name
        assert me.user_name.count("-") == 4

    def test_attributes_are_left_out_when_asked(self, identity: Workspace) -> None:
        shown = identity.request("GET", f"{SCIM}/Me?excludedAttributes=entitlements,groups").json
        assert "entitlements" not in shown
        assert "groups" not in shown
        assert shown["userName"] == "admin@example.com"
        only = identity.request("GET", f"{SCIM}/Me?attributes=userName").json
        assert set(only) == {"schemas", "id", "userName"}

    def test_entitlements_of_groups_are_shown(self, identity: Workspace) -> None:
        person = identity.user()
        group = identity.client().groups.create(
            display_name="cluster-makers", entitlements=[iam.ComplexValue(value="allow-cluster-create")]
        )
        identity.client().groups.patch(
            group.id,
            operations=[iam.Patch(op=iam.PatchOp.ADD, path="members", value=[{"value": person.principal_id}])],
            schemas=[iam.PatchSchema.URN_IETF_PARAMS_SCIM_API_MESSAGES_2_0_PATCH_OP],
        )
        me = identity.client(person.token).current_user.me()
        assert "allow-cluster-create" in [entitlement.value for entitlement in me.entitlements or []]
        assert "allow-cluster-create" in identity.directory.caller(person.principal_id).entitlements


class TestUsers:
    def test_life_of_a_user(self, identity: Workspace) -> None:
        users = identity.client().users
        made = users.create(
            user_name="ben@example.com",
            display_name="Ben",
            name=iam.Name(given_name="Ben", family_name="Cho"),
            entitlements=[iam.ComplexValue(value="workspace-access")],
            external_id="hr-7",
        )
        read = users.get(made.id)
        assert (read.user_name, read.display_name, read.external_id) == ("ben@example.com", "Ben", "hr-7")
        assert read.name is not None
        assert read.name.family_name == "Cho"
        assert [entitlement.value for entitlement in read.entitlements or []] == ["workspace-access"]
        users.update(made.id, user_name="other@example.com", display_name="Benjamin", active=False)
        read = users.get(made.id)
        assert (read.user_name, read.display_name, read.active) == ("ben@example.com", "Benjamin", False)
        users.delete(made.id)
        with pytest.raises(NotFound):
            users.get(made.id)

    def test_same_name_in_another_case_is_taken(self, identity: Workspace) -> None:
        identity.user("cleo@example.com")
        with pytest.raises(ResourceConflict) as refused:
            identity.client().users.create(user_name="Cleo@Example.com")
        assert "already exists" in str(refused.value)
        answer = identity.request("POST", f"{SCIM}/Users", body={"userName": "cleo@example.com"})
        assert answer.status == 409
        assert answer.json["status"] == "409"
        assert answer.json["scimType"] == "uniqueness"
        assert answer.json["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]

    def test_deactivated_user_cannot_sign_in(self, identity: Workspace) -> None:
        person = identity.user()
        identity.client().current_user.me()
        assert identity.request("GET", f"{SCIM}/Me", token=person.token).status == 200
        body = _patch(("replace", "active", False))
        assert identity.request("PATCH", f"{SCIM}/Users/{person.principal_id}", body=body).status == 200
        assert identity.request("GET", f"{SCIM}/Me", token=person.token).status == 401

    def test_removed_user_loses_tokens_and_memberships(self, identity: Workspace) -> None:
        person = identity.user()
        group = _group(identity, "short-lived", person.principal_id)
        identity.client().users.delete(person.principal_id)
        assert _members(identity.client(), group) == set()
        assert identity.request("GET", f"{SCIM}/Me", token=person.token).status == 401

    @pytest.mark.parametrize("name", ["", "a b@example.com", "../x", "a/b@example.com", "x" * 256, ".."])
    def test_unusable_names_are_refused(self, identity: Workspace, name: str) -> None:
        answer = identity.request("POST", f"{SCIM}/Users", body={"userName": name})
        assert answer.status == 400
        assert "userName" in answer.json["detail"]

    def test_user_is_made_into_groups(self, identity: Workspace) -> None:
        group = _group(identity, "made-into")
        answer = identity.request(
            "POST", f"{SCIM}/Users", body={"userName": "dora@example.com", "groups": [{"value": group}]}
        )
        assert answer.status == 201
        assert _members(identity.client(), group) == {answer.json["id"]}

    def test_unknown_fields_and_nulls_are_ignored(self, identity: Workspace) -> None:
        body = {"userName": "new-client@example.com", "displayName": None, "urn:whatever": {"a": [1]}}
        assert identity.request("POST", f"{SCIM}/Users", body=body).status == 201


@pytest.fixture(scope="module")
def people(identity: Workspace) -> list[str]:
    return [identity.user(f"list{index}@example.com").name for index in range(5)]


class TestListing:
    def test_sdk_lists_end(self, identity: Workspace, people: list[str]) -> None:
        client = identity.client()
        names = [user.user_name for user in client.users.list()]
        assert set(people) <= set(names)
        assert len(names) == len(set(names))
        assert list(client.groups.list())
        assert list(client.service_principals.list()) is not None

    def test_paging_walks_through_all(self, identity: Workspace, people: list[str]) -> None:
        names = [user.user_name for user in identity.client().users.list(count=2, filter="userName sw list")]
        assert names == people

    def test_past_the_end_resources_are_empty(self, identity: Workspace, people: list[str]) -> None:
        page = identity.request("GET", f"{SCIM}/Users?startIndex=1000&count=10000").json
        assert page["Resources"] == []
        assert page["totalResults"] >= len(people)

    @pytest.mark.parametrize("paging", ["startIndex=0&count=1", "startIndex=-5&count=1", "count=-1", "count=0"])
    def test_odd_pages_are_answered(self, identity: Workspace, people: list[str], paging: str) -> None:
        answer = identity.request("GET", f"{SCIM}/Users?{paging}")
        assert answer.status == 200
        assert len(answer.json["Resources"]) <= len(people)

    @pytest.mark.parametrize(
        ("filter_text", "found"),
        [
            ('userName eq "list2@example.com"', ["list2@example.com"]),
            ("userName eq LIST2@example.com", ["list2@example.com"]),
            ('userName co "ist3"', ["list3@example.com"]),
            ('userName sw "list1" or userName sw "list4"', ["list1@example.com", "list4@example.com"]),
            (
                'userName sw list and userName ne "list0@example.com" and not (userName co "1" or userName co "2")',
                ["list3@example.com", "list4@example.com"],
            ),
            ('emails.value eq "list3@example.com"', ["list3@example.com"]),
            ('userName eq "nobody@example.com"', []),
        ],
    )
    def test_filters(self, identity: Workspace, people: list[str], filter_text: str, found: list[str]) -> None:
        assert people
        assert [user.user_name for user in identity.client().users.list(filter=filter_text)] == found

    @pytest.mark.parametrize(
        "text", ["userName", "userName xx a", "(userName eq a", 'userName eq "a', "and", "a eq b c"]
    )
    def test_filters_that_are_none(self, identity: Workspace, text: str) -> None:
        answer = identity.request("GET", f"{SCIM}/Users?filter={quote(text)}")
        assert answer.status == 400
        assert answer.json["scimType"] == "invalidFilter"

    def test_sorting(self, identity: Workspace, people: list[str]) -> None:
        listed = identity.client().users.list(
            filter="userName sw list", sort_by="userName", sort_order=iam.ListSortOrder.DESCENDING
        )
        assert [user.user_name for user in listed] == sorted(people, reverse=True)

    def test_attributes_of_a_list(self, identity: Workspace, people: list[str]) -> None:
        assert people
        page = identity.request("GET", f"{SCIM}/Users?attributes=id,userName&count=1").json
        assert set(page["Resources"][0]) == {"schemas", "id", "userName"}


class TestGroups:
    def test_special_groups_are_there(self, identity: Workspace) -> None:
        person = identity.user()
        client = identity.client()
        groups = {group.display_name: group for group in client.groups.list()}
        assert {"admins", "users"} <= set(groups)
        assert person.principal_id in _members(client, groups["users"].id)
        assert identity.admin.principal_id in _members(client, groups["admins"].id)

    @pytest.mark.parametrize("name", ["admins", "users"])
    def test_special_groups_stay(self, identity: Workspace, name: str) -> None:
        client = identity.client()
        group = next(iter(client.groups.list(filter=f'displayName eq "{name}"')))
        with pytest.raises(BadRequest):
            client.groups.delete(group.id)
        answer = identity.request("PATCH", f"{SCIM}/Groups/{group.id}", body=_patch(("replace", "displayName", "x")))
        assert answer.status == 400
        assert answer.json["scimType"] == "mutability"

    def test_group_of_the_same_name_is_refused(self, identity: Workspace) -> None:
        _group(identity, "data-team")
        with pytest.raises((ResourceConflict, AlreadyExists)):
            identity.client().groups.create(display_name="Data-Team")
        with pytest.raises((ResourceConflict, AlreadyExists)):
            identity.client().groups.create(display_name="admins")

    def test_a_group_cannot_be_named_like_a_user(self, identity: Workspace) -> None:
        person = identity.user()
        with pytest.raises(ResourceConflict):
            identity.client().groups.create(display_name=person.name)

    def test_members_by_patch(self, identity: Workspace) -> None:
        one, two = identity.user(), identity.user()
        group, client = _group(identity, "patched"), identity.client()
        path = f"{SCIM}/Groups/{group}"
        add = _patch(("add", "members", [{"value": one.principal_id}, {"value": two.principal_id}]))
        shown = identity.request("PATCH", path, body=add).json
        assert {member["value"] for member in shown["members"]} == {one.principal_id, two.principal_id}
        assert shown["members"][0]["$ref"] == f"Users/{one.principal_id}"
        assert {"display", "type"} <= set(shown["members"][0])
        identity.request("PATCH", path, body=add)
        assert len(_members(client, group)) == 2
        identity.request("PATCH", path, body=_patch(("remove", f'members[value eq "{one.principal_id}"]', None)))
        assert _members(client, group) == {two.principal_id}
        identity.request("PATCH", path, body=_patch(("Add", None, {"members": [{"value": one.principal_id}]})))
        assert _members(client, group) == {one.principal_id, two.principal_id}
        identity.request("PATCH", path, body=_patch(("remove", "members", [{"value": one.principal_id}])))
        assert _members(client, group) == {two.principal_id}
        identity.request("PATCH", path, body=_patch(("replace", "members", [{"value": one.principal_id}])))
        assert _members(client, group) == {one.principal_id}

    def test_patch_is_all_or_nothing(self, identity: Workspace) -> None:
        person = identity.user()
        group = _group(identity, "all-or-nothing")
        body = _patch(("add", "members", [{"value": person.principal_id}]), ("replace", "nonsense", 1))
        answer = identity.request("PATCH", f"{SCIM}/Groups/{group}", body=body)
        assert answer.status == 400
        assert answer.json["scimType"] == "invalidPath"
        assert _members(identity.client(), group) == set()

    def test_unknown_member_is_refused(self, identity: Workspace) -> None:
        answer = identity.request(
            "POST", f"{SCIM}/Groups", body={"displayName": "ghosts", "members": [{"value": "12345"}]}
        )
        assert answer.status == 400
        assert "12345" in answer.json["detail"]
        assert not list(identity.client().groups.list(filter='displayName eq "ghosts"'))

    def test_nested_membership_counts(self, identity: Workspace) -> None:
        person = identity.user()
        inner = _group(identity, "inner", person.principal_id)
        middle = _group(identity, "middle", inner)
        _group(identity, "outer", middle)
        caller = identity.authenticate(person.token)
        assert {"inner", "middle", "outer", "users"} <= caller.groups
        groups = {group.display: group.type for group in identity.client().users.get(person.principal_id).groups or []}
        assert groups == {"inner": "direct", "middle": "indirect", "outer": "indirect", "users": "direct"}

    def test_no_group_contains_itself(self, identity: Workspace) -> None:
        first = _group(identity, "ring-1")
        second = _group(identity, "ring-2", first)
        for member in (first, second):
            body = _patch(("add", "members", [{"value": member}]))
            assert identity.request("PATCH", f"{SCIM}/Groups/{first}", body=body).status == 400

    def test_put_replaces(self, identity: Workspace) -> None:
        person = identity.user()
        group, client = _group(identity, "to-replace", person.principal_id), identity.client()
        client.groups.update(group, display_name="replaced", entitlements=[iam.ComplexValue(value="workspace-access")])
        read = client.groups.get(group)
        assert read.display_name == "replaced"
        assert not read.members
        assert [entitlement.value for entitlement in read.entitlements or []] == ["workspace-access"]

    def test_users_hold_everybody_and_let_nobody_go(self, identity: Workspace) -> None:
        person, client = identity.user(), identity.client()
        users = next(iter(client.groups.list(filter='displayName eq "users"')))
        path = f"{SCIM}/Groups/{users.id}"
        add = _patch(("add", "members", [{"value": person.principal_id}]))
        remove = _patch(("remove", f'members[value eq "{person.principal_id}"]', None))
        assert identity.request("PATCH", path, body=add).status == 200
        assert identity.request("PATCH", path, body=remove).status == 400

    def test_everybody_is_admin_while_users_is_in_admins(self, identity: Workspace) -> None:
        person, client = identity.user(), identity.client()
        groups = {group.display_name: group.id for group in client.groups.list()}
        path = f"{SCIM}/Groups/{groups['admins']}"
        identity.request("PATCH", path, body=_patch(("add", "members", [{"value": groups["users"]}])))
        assert identity.authenticate(person.token).is_admin
        identity.request("PATCH", path, body=_patch(("remove", f"members[value eq {groups['users']}]", None)))
        assert not identity.authenticate(person.token).is_admin


class TestLastAdmin:
    def test_last_admin_stays(self, identity: Workspace) -> None:
        admins = next(iter(identity.client().groups.list(filter='displayName eq "admins"'))).id
        admin = identity.admin.principal_id
        attempts = [
            ("DELETE", f"{SCIM}/Users/{admin}", None),
            ("PATCH", f"{SCIM}/Users/{admin}", _patch(("replace", "active", "False"))),
            ("PATCH", f"{SCIM}/Groups/{admins}", _patch(("remove", f'members[value eq "{admin}"]', None))),
            ("PUT", f"{SCIM}/Groups/{admins}", {"displayName": "admins"}),
        ]
        for method, path, body in attempts:
            answer = identity.request(method, path, body=body)
            assert answer.status == 400, (method, path)
            assert "last workspace admin" in answer.json["detail"]
        assert identity.client().current_user.me().user_name == "admin@example.com"


class TestServicePrincipals:
    def test_life_of_a_service_principal(self, identity: Workspace) -> None:
        api = identity.client().service_principals
        made = api.create(display_name="etl")
        assert made.application_id
        found = list(api.list(filter=f'applicationId eq "{made.application_id}"'))
        assert [one.id for one in found] == [made.id]
        api.update(made.id, display_name="etl-2", active=True)
        assert api.get(made.id).display_name == "etl-2"
        assert api.get(made.id).application_id == made.application_id
        api.delete(made.id)
        with pytest.raises(NotFound):
            api.get(made.id)

    def test_application_id_may_be_given(self, identity: Workspace) -> None:
        wanted = "0b6f4c0a-53f5-4b8f-9a43-4d1ad0a3a1f9"
        api = identity.client().service_principals
        assert api.create(application_id=wanted, display_name="given").application_id == wanted
        with pytest.raises(ResourceConflict):
            api.create(application_id=wanted.upper(), display_name="again")
        answer = identity.request("POST", f"{SCIM}/ServicePrincipals", body={"applicationId": "no uuid"})
        assert answer.status == 400


class TestWhoMay:
    def test_everybody_reads_and_only_admins_write(self, identity: Workspace) -> None:
        person = identity.user()
        client = identity.client(person.token)
        assert list(client.users.list(count=1))
        assert client.users.get(identity.admin.principal_id).user_name == "admin@example.com"
        with pytest.raises(PermissionDenied) as refused:
            client.users.create(user_name="sneaky@example.com")
        assert "Only workspace admins" in str(refused.value)
        with pytest.raises(PermissionDenied):
            client.groups.create(display_name="sneaky")

    def test_ids_of_another_collection_are_unknown(self, identity: Workspace) -> None:
        person = identity.user()
        assert identity.request("GET", f"{SCIM}/Groups/{person.principal_id}").status == 404
        answer = identity.request("DELETE", f"{SCIM}/ServicePrincipals/{person.principal_id}")
        assert answer.status == 404
        assert answer.json["status"] == "404"


class TestDirectory:
    def test_names_are_found_whatever_their_case(self, identity: Workspace) -> None:
        person = identity.user("Case@example.com")
        found = identity.directory.find_principal("case@EXAMPLE.com")
        assert (found.kind, found.name, found.principal_id) == ("user", "Case@example.com", person.principal_id)
        assert identity.directory.find_principal("users").kind == "group"
        assert identity.directory.find_principal("nobody") is None

    def test_bootstrap_twice_is_once(self, identity: Workspace) -> None:
        assert identity.directory.bootstrap_admin("admin@example.com") == identity.admin.principal_id

    def test_others_hear_of_removals_and_new_names(self, identity: Workspace) -> None:
        heard: list[Any] = []
        identity.directory.on_removed(lambda gone: heard.append(gone.name))
        identity.directory.on_renamed(lambda before, after: heard.append((before, after)))
        group = _group(identity, "before")
        identity.client().groups.update(group, display_name="after")
        identity.client().groups.delete(group)
        assert heard == [("before", "after"), "after"]
