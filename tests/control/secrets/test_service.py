from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import sqlalchemy as sa

from wheelyard.control.secrets import wire
from wheelyard.core.errors import (
    AlreadyExists,
    BadRequest,
    InvalidParameter,
    LimitExceeded,
    NotFound,
    PermissionDenied,
    WheelyardError,
)
from wheelyard.core.redaction import Secret
from wheelyard.storage.database import METADATA, Connection

if TYPE_CHECKING:
    from tests.control.secrets.conftest import Bench, People


def _every_row(tx: Connection) -> list[tuple[Any, ...]]:
    return [tuple(row) for table in METADATA.sorted_tables for row in tx.execute(sa.select(table))]


def _put(bench: Bench, scope: str, key: str, value: str) -> None:
    bench.service.put(bench.people.ana, wire.PutSecret(scope=scope, key=key, string_value=value))


def _got(bench: Bench, scope: str, key: str) -> bytes:
    return base64.b64decode(bench.service.get(bench.people.ana, wire.OnSecret(scope=scope, key=key)).value)


def _scope(bench: Bench, name: str = "analytics") -> None:
    bench.service.create_scope(bench.people.ana, wire.CreateScope(scope=name))


def _acls(bench: Bench, scope: str = "analytics") -> dict[str, str]:
    items = bench.service.list_acls(bench.people.ana, wire.OnScope(scope)).items
    return {item.principal: item.permission for item in items}


def _grant(bench: Bench, principal: str, permission: wire.Permission, scope: str = "analytics") -> None:
    bench.service.put_acl(bench.people.ana, wire.PutAcl(scope=scope, principal=principal, permission=permission))


class TestScopes:
    def test_a_scope_is_listed_in_its_spelling_and_taken_in_any(self, bench: Bench) -> None:
        _scope(bench, "Team.A_1@x-y")
        listed = bench.service.list_scopes(bench.people.eve, wire.Empty()).scopes
        assert listed == [wire.Scope("Team.A_1@x-y", "DATABRICKS")]
        with pytest.raises(AlreadyExists, match=r"^Scope team\.a_1@X-Y already exists!$"):
            _scope(bench, "team.a_1@X-Y")

    def test_the_creator_manages_it(self, bench: Bench) -> None:
        _scope(bench)
        assert _acls(bench) == {"ana@example.com": "MANAGE"}

    def test_with_users_the_creator_is_not_listed(self, bench: Bench) -> None:
        bench.service.create_scope(bench.people.ana, wire.CreateScope("analytics", initial_manage_principal="users"))
        assert _acls(bench) == {"users": "MANAGE"}
        bench.service.require(bench.people.eve, "analytics", "MANAGE")

    def test_nobody_else_can_be_the_first_manager(self, bench: Bench) -> None:
        with pytest.raises(BadRequest, match=r"^Cannot specify admins as initial_manage_principal\.$"):
            bench.service.create_scope(bench.people.ana, wire.CreateScope("s", initial_manage_principal="admins"))

    @pytest.mark.parametrize("name", ["", "a" * 129, "with space", "a/b", "ä", "a\nb"])
    def test_a_bad_name_is_refused_with_its_rule(self, bench: Bench, name: str) -> None:
        with pytest.raises(InvalidParameter, match="1 to 128 letters"):
            _scope(bench, name)

    def test_deleting_takes_secrets_and_acl_along(self, bench: Bench) -> None:
        _scope(bench)
        _put(bench, "analytics", "k", "old")
        bench.service.delete_scope(bench.people.ana, wire.OnScope("ANALYTICS"))
        with pytest.raises(NotFound, match=r"^Scope analytics does not exist$"):
            bench.service.delete_scope(bench.people.ana, wire.OnScope("analytics"))
        _scope(bench)
        assert bench.service.list_secrets(bench.people.ana, wire.OnScope("analytics")).secrets == []

    def test_the_number_of_scopes_is_limited(self, bench: Bench) -> None:
        service = bench.another(scopes_per_workspace=2)
        for name in ("a", "b"):
            service.create_scope(bench.people.ana, wire.CreateScope(name))
        with pytest.raises(LimitExceeded, match="already has 2 scopes"):
            service.create_scope(bench.people.ana, wire.CreateScope("c"))
        with pytest.raises(AlreadyExists):
            service.create_scope(bench.people.ana, wire.CreateScope("A"))


class TestKeyVault:
    VAULT = wire.KeyVault(resource_id="/subscriptions/1/vaults/v", dns_name="https://v.vault.example.com")

    def test_missing_fields_are_named(self, bench: Bench) -> None:
        for vault in (None, wire.KeyVault()):
            with pytest.raises(InvalidParameter) as caught:
                bench.service.create_scope(bench.people.ana, wire.CreateScope("s", "", "AZURE_KEYVAULT", vault))
            assert caught.value.what == (
                "Missing required fields: backend_azure_keyvault.resource_id, backend_azure_keyvault.dns_name"
            )

    def test_it_is_refused_as_the_service_refuses_a_pat(self, bench: Bench) -> None:
        with pytest.raises(InvalidParameter, match=r"^Scope with Azure KeyVault must have userAADToken defined!$"):
            bench.service.create_scope(bench.people.ana, wire.CreateScope("s", "", "AZURE_KEYVAULT", self.VAULT))
        with pytest.raises(InvalidParameter, match="needs scope_backend_type"):
            bench.service.create_scope(bench.people.ana, wire.CreateScope("s", backend_azure_keyvault=self.VAULT))

    def test_where_it_is_accepted_it_is_read_only(self, bench: Bench) -> None:
        service = bench.another(keyvault_scopes=True)
        ana = bench.people.ana
        service.create_scope(ana, wire.CreateScope("s", "", "AZURE_KEYVAULT", self.VAULT))
        assert service.list_scopes(ana, wire.Empty()).scopes == [wire.Scope("s", "AZURE_KEYVAULT", self.VAULT)]
        refused = (
            lambda: service.put(ana, wire.PutSecret("s", "k", string_value="v")),
            lambda: service.delete(ana, wire.OnSecret("s", "k")),
            lambda: service.get(ana, wire.OnSecret("s", "k")),
            lambda: service.list_secrets(ana, wire.OnScope("s")),
        )
        for call in refused:
            with pytest.raises(BadRequest, match="Azure Key Vault"):
                call()


class TestValues:
    @pytest.mark.parametrize("value", [b"", b"\x00\xff\n", "ä".encode(), b"x" * 131_072])
    def test_bytes_come_back_as_the_same_base64(self, bench: Bench, value: bytes) -> None:
        _scope(bench)
        encoded = base64.b64encode(value).decode()
        bench.service.put(bench.people.ana, wire.PutSecret("analytics", "k", bytes_value=encoded))
        assert bench.service.get(bench.people.ana, wire.OnSecret("analytics", "k")) == wire.SecretValue("k", encoded)

    def test_text_is_stored_as_utf8_and_not_trimmed(self, bench: Bench) -> None:
        _scope(bench)
        _put(bench, "analytics", "k", "ä\n")
        assert _got(bench, "analytics", "k") == b"\xc3\xa4\n"

    def test_overwriting_keeps_the_spelling_of_the_key(self, bench: Bench) -> None:
        _scope(bench)
        _put(bench, "analytics", "Key", "one")
        bench.clock.now += 1.5
        _put(bench, "Analytics", "kEY", "two")
        listed = bench.service.list_secrets(bench.people.ana, wire.OnScope("analytics")).secrets
        assert listed == [wire.SecretItem("Key", 1_700_000_001_500)]
        assert _got(bench, "analytics", "key") == b"two"

    @pytest.mark.parametrize("values", [{}, {"string_value": "a", "bytes_value": "YQ=="}])
    def test_exactly_one_value_is_needed(self, bench: Bench, values: dict[str, str]) -> None:
        _scope(bench)
        with pytest.raises(InvalidParameter, match="Exactly one of"):
            bench.service.put(bench.people.ana, wire.PutSecret("analytics", "k", **values))

    @pytest.mark.parametrize("text", ["a", "Zg", "Zg==x", "ä", "Z g=", "_-8="])
    def test_what_is_no_base64_is_refused(self, bench: Bench, text: str) -> None:
        _scope(bench)
        with pytest.raises(InvalidParameter, match="not valid base64"):
            bench.service.put(bench.people.ana, wire.PutSecret("analytics", "k", bytes_value=text))

    def test_one_byte_too_many_changes_nothing(self, bench: Bench) -> None:
        _scope(bench)
        _put(bench, "analytics", "k", "old")
        with pytest.raises(InvalidParameter, match="131073 bytes, 131072 are allowed"):
            _put(bench, "analytics", "k", "x" * 131_073)
        assert _got(bench, "analytics", "k") == b"old"

    def test_a_scope_holds_a_thousand_secrets(self, bench: Bench) -> None:
        _scope(bench)
        for number in range(1000):
            _put(bench, "analytics", f"k{number}", "v")
        with pytest.raises(LimitExceeded, match="already has 1000 secrets"):
            _put(bench, "analytics", "one-more", "v")
        _put(bench, "analytics", "K7", "overwritten")
        assert _got(bench, "analytics", "k7") == b"overwritten"

    def test_what_is_not_there_has_a_text(self, bench: Bench) -> None:
        _scope(bench)
        ana = bench.people.ana
        for call in (bench.service.get, bench.service.delete):
            with pytest.raises(NotFound, match=r"^Secret does not exist with scope: analytics and key: k$"):
                call(ana, wire.OnSecret("analytics", "k"))
            with pytest.raises(NotFound, match=r"^Scope other does not exist$"):
                call(ana, wire.OnSecret("other", "k"))
        with pytest.raises(NotFound, match=r"^Scope other does not exist$"):
            bench.service.put(ana, wire.PutSecret("other", "k", string_value="v"))

    def test_a_deleted_secret_is_gone(self, bench: Bench) -> None:
        _scope(bench)
        _put(bench, "analytics", "k", "v")
        bench.service.delete(bench.people.ana, wire.OnSecret("analytics", "K"))
        with pytest.raises(NotFound):
            _got(bench, "analytics", "k")


class TestAcls:
    def test_reading_one_entry_back_at_once(self, bench: Bench) -> None:
        _scope(bench)
        for permission in ("READ", "MANAGE", "WRITE"):
            _grant(bench, "builders", permission)
            got = bench.service.get_acl(bench.people.ana, wire.OnAcl("analytics", "builders"))
            assert got == wire.AclItem("builders", permission)

    def test_a_user_is_known_whatever_the_case(self, bench: Bench) -> None:
        _scope(bench)
        _grant(bench, "Ben@Example.com", "READ")
        assert _acls(bench) == {"ana@example.com": "MANAGE", "ben@example.com": "READ"}
        bench.service.require(bench.people.ben, "analytics", "READ")
        bench.service.delete_acl(bench.people.ana, wire.OnAcl("analytics", "BEN@example.com"))
        assert "ben@example.com" not in _acls(bench)

    @pytest.mark.parametrize("principal", ["", "nobody@example.com"])
    def test_an_unknown_principal_is_refused(self, bench: Bench, principal: str) -> None:
        _scope(bench)
        with pytest.raises(InvalidParameter, match="does not exist"):
            _grant(bench, principal, "READ")

    def test_an_unknown_permission_is_refused(self, bench: Bench) -> None:
        _scope(bench)
        with pytest.raises(InvalidParameter, match="READ, WRITE, MANAGE"):
            _grant(bench, "users", "OWN")  # type: ignore[arg-type] # that is the point

    def test_an_entry_that_is_not_there(self, bench: Bench) -> None:
        _scope(bench)
        for call in (bench.service.get_acl, bench.service.delete_acl):
            with pytest.raises(NotFound, match="has no permission on scope analytics"):
                call(bench.people.ana, wire.OnAcl("analytics", "users"))

    def test_the_entry_of_somebody_who_left_can_be_removed(self, bench: Bench) -> None:
        _scope(bench)
        _grant(bench, "ben@example.com", "READ")
        bench.people.names.remove("ben@example.com")
        bench.service.delete_acl(bench.people.ana, wire.OnAcl("analytics", "ben@example.com"))
        assert _acls(bench) == {"ana@example.com": "MANAGE"}

    def test_entries_go_with_a_principal_and_follow_a_new_name(self, bench: Bench) -> None:
        _scope(bench)
        _grant(bench, "ben@example.com", "READ")
        _grant(bench, "builders", "WRITE")
        bench.people.renamed("builders", "makers")
        bench.people.removed(SimpleNamespace(name="ben@example.com"))
        assert _acls(bench) == {"ana@example.com": "MANAGE", "makers": "WRITE"}

    def test_the_last_manager_may_go_and_an_admin_repairs_it(self, bench: Bench) -> None:
        _scope(bench)
        bench.service.delete_acl(bench.people.ana, wire.OnAcl("analytics", "ana@example.com"))
        with pytest.raises(PermissionDenied):
            bench.service.require(bench.people.ana, "analytics", "READ")
        bench.service.require(bench.people.admin, "analytics", "MANAGE")


class TestWhoMay:
    @pytest.mark.parametrize("held", [None, "READ", "WRITE", "MANAGE"])
    @pytest.mark.parametrize("needed", ["READ", "WRITE", "MANAGE"])
    @pytest.mark.parametrize("through", ["ben@example.com", "builders", "users"])
    def test_the_highest_entry_counts(
        self, bench: Bench, held: wire.Permission | None, needed: wire.Permission, through: str
    ) -> None:
        _scope(bench)
        if held:
            _grant(bench, through, held)
        order = [None, "READ", "WRITE", "MANAGE"]
        if order.index(held) >= order.index(needed):
            bench.service.require(bench.people.ben, "analytics", needed)
            return
        with pytest.raises(PermissionDenied) as caught:
            bench.service.require(bench.people.ben, "analytics", needed)
        text = f"ben@example.com does not have {needed} permission on scope analytics to perform this action."
        assert caught.value.what == text

    def test_own_entry_and_group_entry_add_up_to_the_higher(self, bench: Bench) -> None:
        _scope(bench)
        _grant(bench, "ben@example.com", "READ")
        _grant(bench, "builders", "WRITE")
        bench.service.require(bench.people.ben, "analytics", "WRITE")

    def test_a_service_principal_by_its_application_id(self, bench: Bench) -> None:
        _scope(bench)
        _grant(bench, bench.people.pipeline.name, "READ")
        bench.service.require(bench.people.pipeline, "analytics", "READ")
        with pytest.raises(PermissionDenied):
            bench.service.require(bench.people.pipeline, "analytics", "WRITE")

    def test_a_group_in_a_group(self, bench: Bench) -> None:
        """`groups` of a caller holds those of groups too; eve is in juniors, which is in builders."""
        _scope(bench)
        _grant(bench, "builders", "READ")
        bench.service.require(bench.people.eve, "analytics", "READ")

    def test_a_missing_scope_is_not_found_for_everybody(self, bench: Bench) -> None:
        for caller in (bench.people.eve, bench.people.admin):
            with pytest.raises(NotFound):
                bench.service.require(caller, "nowhere", "READ")


class TestForOtherRooms:
    def test_read_value_asks_for_read(self, bench: Bench) -> None:
        _scope(bench)
        _put(bench, "analytics", "k", "v")
        assert bench.service.read_value(bench.people.ana, "analytics", "k") == Secret(b"v")
        with pytest.raises(PermissionDenied):
            bench.service.read_value(bench.people.ben, "analytics", "k")

    def test_reserved_values(self, bench: Bench) -> None:
        service, people = bench.service, bench.people
        assert service.reserved_values(people.eve) is None
        _scope(bench, "databricks-package-management")
        with pytest.raises(PermissionDenied):
            service.reserved_values(people.eve)
        _grant(bench, "users", "READ", "databricks-package-management")
        assert service.reserved_values(people.eve) == {}
        _put(bench, "databricks-package-management", "pip-index-url", "https://u:p@pkgs.example.com/simple")
        _put(bench, "databricks-package-management", "Pip-Cert", "pem")
        _put(bench, "databricks-package-management", "something-else", "x")
        assert service.reserved_values(people.eve) == {
            "pip-index-url": Secret("https://u:p@pkgs.example.com/simple"),
            "pip-cert": Secret("pem"),
        }

    def test_a_compute_session_is_told_of_before_it_gets_the_value(self, bench: Bench) -> None:
        _scope(bench)
        _put(bench, "analytics", "k", "v")
        _got(bench, "analytics", "k")
        assert bench.told == []
        session = msgspec.structs.replace(bench.people.ana, session_id="s1")
        bench.service.get(session, wire.OnSecret("analytics", "k"))
        assert bench.told == [(session, Secret(b"v"))]


class TestAtRest:
    def test_no_value_is_in_the_database(self, bench: Bench) -> None:
        _scope(bench)
        _put(bench, "analytics", "k", "hunter2-hunter2")
        _got(bench, "analytics", "k")
        bench.service.close()
        dump = repr(bench.database.read(_every_row))
        assert "analytics" in dump
        assert "hunter2" not in dump
        assert b"hunter2-hunter2".hex() not in dump.lower()

    def test_bytes_moved_to_another_name_do_not_open(self, bench: Bench) -> None:
        _scope(bench)
        _put(bench, "analytics", "mine", "v")
        _put(bench, "analytics", "yours", "w")
        stolen = sa.text(
            "update secret set sealed = (select sealed from secret where key = 'mine') where key = 'yours'"
        )
        bench.database.write(lambda tx: tx.execute(stolen))
        with pytest.raises(WheelyardError):
            _got(bench, "analytics", "yours")
        assert _got(bench, "analytics", "mine") == b"v"

    def test_another_workspace_cannot_open_them(self, bench: Bench) -> None:
        _scope(bench)
        _put(bench, "analytics", "k", "v")
        with pytest.raises(WheelyardError):
            bench.another(workspace="901").read_value(bench.people.ana, "analytics", "k")

    def test_resealing_after_a_key_rotation(self, bench: Bench) -> None:
        for scope in ("a", "b"):
            _scope(bench, scope)
            for number in range(150):
                _put(bench, scope, f"K{number}", f"{scope}{number}")
        assert bench.service.reseal() == 0
        bench.barrier.rotate()
        _put(bench, "a", "k3", "new")
        assert bench.service.reseal() == 299
        assert bench.service.reseal() == 0
        assert _got(bench, "a", "k3") == b"new"
        assert _got(bench, "b", "k149") == b"b149"


class TestAudit:
    def test_who_what_when_and_a_keyed_hash(self, bench: Bench) -> None:
        _scope(bench)
        _put(bench, "analytics", "k", "v1")
        _grant(bench, "users", "READ")
        bench.service.get(bench.people.ben, wire.OnSecret("analytics", "k"))
        _put(bench, "analytics", "k", "v2")
        entries = list(reversed(bench.service.audit_entries("Analytics")))
        by_action = {(entry.principal, entry.action, entry.key) for entry in entries}
        assert by_action == {
            ("ana@example.com", "create-scope", ""),
            ("ana@example.com", "put", "k"),
            ("ana@example.com", "put-acl READ users", ""),
            ("ben@example.com", "get", "k"),
        }
        first, second = (entry.value_hash for entry in entries if entry.action == "put")
        (read,) = (entry.value_hash for entry in entries if entry.action == "get")
        assert first == read != second
        assert {entry.at for entry in entries} == {1_700_000_000_000}

    def test_a_refused_write_leaves_no_entry(self, bench: Bench) -> None:
        _scope(bench)
        with pytest.raises(InvalidParameter):
            bench.service.put(bench.people.ana, wire.PutSecret("analytics", "k"))
        assert [entry.action for entry in bench.service.audit_entries("analytics")] == ["create-scope"]

    def test_waiting_entries_are_written_at_the_end(self, bench: Bench) -> None:
        _scope(bench)
        _put(bench, "analytics", "k", "v")
        for _ in range(20):
            _got(bench, "analytics", "k")
        bench.service.close()
        counted = sa.text("select count(*) from secret_audit where action = 'get'")
        assert bench.database.read(lambda tx: tx.execute(counted).scalar_one()) == 20


class TestAtOnce:
    def test_one_of_many_makes_the_scope(self, bench: Bench) -> None:
        def make(_number: int) -> bool:
            try:
                _scope(bench)
            except AlreadyExists:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(make, range(32))) == 1
        assert _acls(bench) == {"ana@example.com": "MANAGE"}

    def test_a_reader_sees_one_whole_value_or_the_other(self, bench: Bench) -> None:
        _scope(bench)
        values = {letter.encode() * 10_000 for letter in "ab"}
        _put(bench, "analytics", "k", "a" * 10_000)

        def turn(number: int) -> bool:
            if number % 2:
                _put(bench, "analytics", "k", "ab"[number // 2 % 2] * 10_000)
                return True
            return _got(bench, "analytics", "k") in values

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(turn, range(100)))


def test_people_are_as_the_tests_think(bench: Bench) -> None:
    people: People = bench.people
    assert people.admin.is_admin
    assert not people.ana.is_admin
