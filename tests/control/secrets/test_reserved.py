"""The reserved scope as one thing: its state, changes of it over what a reader saw, and what changed before."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from wheelyard.control.caller import Caller
from wheelyard.control.secrets import wire
from wheelyard.control.secrets.reserved import ReservedChange, ReservedState
from wheelyard.core.errors import BadRequest, Conflict, InvalidParameter, LimitExceeded, PermissionDenied
from wheelyard.core.package_sources import CERTIFICATE_KEY, EXTRA_INDEX_URLS_KEY, INDEX_URL_KEY, KEYS
from wheelyard.core.redaction import Secret
from wheelyard.core.stored_default import check
from wheelyard.storage.database import METADATA, Connection

if TYPE_CHECKING:
    from tests.control.secrets.conftest import Bench

SCOPE = "databricks-package-management"
ONE = "https://build:s3cret-one@pkgs.example.com/simple/"
TWO = "https://build:s3cret-two@pkgs.example.com/simple/"
RECIPE = {"admins": "MANAGE", "users": "READ"}


def secret(values: Mapping[str, str | None]) -> dict[str, Secret[str] | None]:
    return {key: None if value is None else Secret(value) for key, value in values.items()}


def change(
    bench: Bench, values: Mapping[str, str | None], *, by: Caller | None = None, over: ReservedState | None = None
) -> ReservedState:
    """Change over a state that was seen, the present one unless told."""
    caller = by or bench.people.admin
    revision = (over or bench.service.reserved_state(bench.people.admin)).revision
    return bench.service.change_reserved(caller, secret(values), revision=revision)


def state(bench: Bench) -> ReservedState:
    return bench.service.reserved_state(bench.people.admin)


def values(bench: Bench) -> dict[str, str]:
    return {key: held.value.reveal() for key, held in state(bench).values.items()}


def put(bench: Bench, key: str, value: str, *, by: Caller | None = None) -> None:
    """As any client does it, one secret at a time and unchecked."""
    bench.service.put(by or bench.people.admin, wire.PutSecret(SCOPE, key, string_value=value))


def delete(bench: Bench, key: str, *, by: Caller | None = None) -> None:
    bench.service.delete(by or bench.people.admin, wire.OnSecret(SCOPE, key))


def make_scope(bench: Bench, **acl: wire.Permission) -> None:
    bench.service.create_scope(bench.people.ana, wire.CreateScope(SCOPE))
    for principal, permission in acl.items():
        bench.service.put_acl(bench.people.ana, wire.PutAcl(SCOPE, principal, permission))


def every_row(bench: Bench) -> list[tuple[Any, ...]]:
    """Everything on disk; entries of reads are still waiting."""

    def work(tx: Connection) -> list[tuple[Any, ...]]:
        reads = METADATA.tables["secret_audit"].c.action != "get"
        tables = METADATA.sorted_tables
        return [
            tuple(row)
            for table in tables
            for row in tx.execute(sa.select(table).where(reads if table.name == "secret_audit" else sa.true()))
        ]

    return bench.database.read(work)


class TestState:
    def test_nothing_is_there(self, bench: Bench) -> None:
        seen = bench.service.reserved_state(bench.people.eve)
        assert (seen.exists, seen.values, seen.other_keys, seen.acl) == (False, {}, {}, {})
        assert seen.revision

    def test_values_of_any_client_with_who_and_when(self, bench: Bench) -> None:
        make_scope(bench, builders="WRITE")
        put(bench, INDEX_URL_KEY, ONE, by=bench.people.ana)
        bench.clock.now += 2
        put(bench, "Pip-Cert", "pem", by=bench.people.ben)
        put(bench, "Pip_Index", "x", by=bench.people.ben)
        seen = state(bench)
        at = {key: (held.value.reveal(), held.updated_at, held.updated_by) for key, held in seen.values.items()}
        assert at == {
            INDEX_URL_KEY: (ONE, 1_700_000_000_000, "ana@example.com"),
            CERTIFICATE_KEY: ("pem", 1_700_000_002_000, "ben@example.com"),
        }
        assert dict(seen.other_keys) == {"Pip_Index": 1_700_000_002_000}
        assert (seen.exists, seen.backend_type) == (True, "DATABRICKS")

    def test_a_reader_sees_values_and_a_manager_the_acl_too(self, bench: Bench) -> None:
        make_scope(bench, users="READ")
        put(bench, INDEX_URL_KEY, ONE)
        by_reader, by_manager = (bench.service.reserved_state(who) for who in (bench.people.eve, bench.people.ana))
        assert by_reader.acl is None
        assert by_manager.acl == {"ana@example.com": "MANAGE", "users": "READ"}
        assert (by_reader.values, by_reader.revision) == (by_manager.values, by_manager.revision)

    def test_without_read_nothing(self, bench: Bench) -> None:
        make_scope(bench)
        with pytest.raises(PermissionDenied):
            bench.service.reserved_state(bench.people.ben)

    def test_bytes_that_are_no_text_can_be_seen(self, bench: Bench) -> None:
        make_scope(bench)
        bench.service.put(bench.people.ana, wire.PutSecret(SCOPE, CERTIFICATE_KEY, bytes_value="MIL/"))
        assert values(bench) == {CERTIFICATE_KEY: "0\ufffd\ufffd"}

    def test_a_revision_is_made_of_the_three_values_and_gives_none_away(self, bench: Bench) -> None:
        revisions = [state(bench).revision]
        make_scope(bench)
        assert state(bench).revision == revisions[0]
        for key, value in ((INDEX_URL_KEY, ONE), (EXTRA_INDEX_URLS_KEY, ONE), (CERTIFICATE_KEY, ONE)):
            put(bench, key, value)
            revisions.append(state(bench).revision)
        put(bench, INDEX_URL_KEY, "")
        revisions.append(state(bench).revision)
        assert len(set(revisions)) == len(revisions)
        put(bench, INDEX_URL_KEY, ONE)
        put(bench, "other", "x")
        bench.barrier.rotate()
        bench.service.reseal()
        assert state(bench).revision == revisions[3]
        hashes = revisions[3].split(".")
        assert len(set(hashes)) == 3, "equal values of two keys do not show"
        assert all("s3cret" not in revision for revision in revisions)

    def test_it_is_what_a_check_looks_at(self, bench: Bench) -> None:
        make_scope(bench)
        put(bench, "Pip-Extra-Index-URLs", f"{ONE},{TWO}")
        put(bench, "pip_index", "x")
        found = {finding.rule_id for finding in check(state(bench).as_stored)}
        assert found == {
            "extras-comma",
            "extras-asked-equally",
            "default-key-unknown",
            "default-index-missing",
            "default-users-cannot-read",
            "default-admins-cannot-manage",
        }


class TestChange:
    def test_the_first_value_makes_the_scope_with_the_recipe(self, bench: Bench) -> None:
        made = change(bench, {INDEX_URL_KEY: ONE, EXTRA_INDEX_URLS_KEY: None})
        assert made == state(bench)
        assert (made.exists, made.acl) == (True, RECIPE)
        assert values(bench) == {INDEX_URL_KEY: ONE}
        held = made.values[INDEX_URL_KEY]
        assert (held.updated_at, held.updated_by) == (1_700_000_000_000, "admin@example.com")
        assert check(made.as_stored) == ()
        assert bench.service.reserved_values(bench.people.eve) == {INDEX_URL_KEY: Secret(ONE)}

    def test_all_keys_at_once_in_any_case(self, bench: Bench) -> None:
        change(bench, {INDEX_URL_KEY: ONE, EXTRA_INDEX_URLS_KEY: TWO})
        change(bench, {"PIP-Index-URL": TWO, EXTRA_INDEX_URLS_KEY: None})
        assert values(bench) == {INDEX_URL_KEY: TWO}

    def test_a_key_keeps_its_spelling_and_others_stay(self, bench: Bench) -> None:
        make_scope(bench)
        put(bench, "PIP-INDEX-URL", ONE)
        put(bench, "other", "x")
        change(bench, {INDEX_URL_KEY: TWO})
        listed = bench.service.list_secrets(bench.people.ana, wire.OnScope(SCOPE)).secrets
        assert [item.key for item in listed] == ["other", "PIP-INDEX-URL"]
        assert values(bench) == {INDEX_URL_KEY: TWO}

    def test_what_is_stored_already_is_not_written_again(self, bench: Bench) -> None:
        make_scope(bench, admins="MANAGE", users="READ")
        put(bench, INDEX_URL_KEY, ONE, by=bench.people.ana)
        bench.clock.now += 60
        before = every_row(bench)
        assert change(bench, {INDEX_URL_KEY: ONE, CERTIFICATE_KEY: None}) == state(bench)
        assert every_row(bench) == before
        change(bench, {INDEX_URL_KEY: ONE, EXTRA_INDEX_URLS_KEY: TWO})
        by = {key: held.updated_by for key, held in state(bench).values.items()}
        assert by == {INDEX_URL_KEY: "ana@example.com", EXTRA_INDEX_URLS_KEY: "admin@example.com"}

    def test_deleting_where_nothing_is_makes_nothing(self, bench: Bench) -> None:
        assert not change(bench, dict.fromkeys(KEYS)).exists
        assert not change(bench, {}).exists
        assert bench.service.reserved_history() == []

    def test_nothing_of_a_change_with_a_bad_value(self, bench: Bench) -> None:
        before = every_row(bench)
        with pytest.raises(
            InvalidParameter, match=r"^`pip-extra-index-urls` was not stored: the URLs are separated by"
        ):
            change(bench, {INDEX_URL_KEY: ONE, EXTRA_INDEX_URLS_KEY: f"{ONE},{TWO}", CERTIFICATE_KEY: "/etc/ca.pem"})
        with pytest.raises(InvalidParameter, match="`pip_index` is no key of the workspace default"):
            change(bench, {INDEX_URL_KEY: ONE, "pip_index": TWO})
        assert every_row(bench) == before

    def test_nothing_of_a_change_that_does_not_fit(self, bench: Bench) -> None:
        make_scope(bench)
        for number in range(999):
            put(bench, f"k{number}", "v")
        before = every_row(bench)
        with pytest.raises(LimitExceeded, match="already has 1000 secrets"):
            change(bench, {INDEX_URL_KEY: ONE, EXTRA_INDEX_URLS_KEY: TWO})
        assert every_row(bench) == before
        change(bench, {INDEX_URL_KEY: ONE})

    def test_a_full_workspace(self, bench: Bench) -> None:
        small = bench.another(scopes_per_workspace=1)
        small.create_scope(bench.people.ana, wire.CreateScope("other"))
        revision = small.reserved_state(bench.people.admin).revision
        with pytest.raises(LimitExceeded, match="already has 1 scopes"):
            small.change_reserved(bench.people.admin, secret({INDEX_URL_KEY: ONE}), revision=revision)
        assert not state(bench).exists

    def test_a_key_vault_is_left_alone(self, bench: Bench) -> None:
        service = bench.another(keyvault_scopes=True)
        vault = wire.KeyVault(resource_id="/subscriptions/1/vaults/v", dns_name="https://v.vault.example.com")
        service.create_scope(bench.people.ana, wire.CreateScope(SCOPE, "", "AZURE_KEYVAULT", vault))
        seen = service.reserved_state(bench.people.ana)
        assert (seen.exists, seen.values, seen.backend_type) == (True, {}, "AZURE_KEYVAULT")
        with pytest.raises(BadRequest, match=r"^The workspace default was not changed: scope .* Azure Key Vault"):
            service.change_reserved(bench.people.ana, secret({INDEX_URL_KEY: ONE}), revision=seen.revision)

    def test_no_value_is_on_disk_or_in_what_is_printed(self, bench: Bench) -> None:
        made = change(bench, {INDEX_URL_KEY: ONE})
        bench.service.close()
        assert "s3cret" not in repr(every_row(bench))
        assert "s3cret" not in repr((made, made.as_stored, bench.service.reserved_history()))

    def test_reading_it_for_somebody_is_audited_and_a_comparison_is_not(self, bench: Bench) -> None:
        change(bench, {INDEX_URL_KEY: ONE})
        bench.service.reserved_state(bench.people.ana)
        bench.service.reserved_values(bench.people.ana, recorded=False)
        bench.service.reserved_values(bench.people.eve)
        reads = [entry.principal for entry in bench.service.audit_entries(SCOPE) if entry.action == "get"]
        assert reads == ["eve@example.com"]


class TestWhoMay:
    @pytest.mark.parametrize("held", [None, "READ", "WRITE", "MANAGE"])
    def test_the_scope_asks_for_manage(self, bench: Bench, held: wire.Permission | None) -> None:
        make_scope(bench, **({"builders": held} if held else {}))
        before = every_row(bench)
        if held == "MANAGE":
            change(bench, {INDEX_URL_KEY: ONE}, by=bench.people.ben)
            return
        with pytest.raises(PermissionDenied, match="does not have MANAGE permission on scope"):
            change(bench, {INDEX_URL_KEY: "not even a URL"}, by=bench.people.ben)
        assert every_row(bench) == before

    def test_without_the_scope_only_admins(self, bench: Bench) -> None:
        with pytest.raises(PermissionDenied) as refused:
            change(bench, {INDEX_URL_KEY: ONE}, by=bench.people.ana)
        assert refused.value.reference == "default-needs-admin"
        assert not state(bench).exists


class TestAcl:
    def test_what_the_recipe_lacks_is_added_and_what_is_stronger_stays(self, bench: Bench) -> None:
        make_scope(bench, users="WRITE")
        made = change(bench, {INDEX_URL_KEY: ONE})
        assert made.acl == {"ana@example.com": "MANAGE", "admins": "MANAGE", "users": "WRITE"}

    def test_a_weaker_entry_is_lifted(self, bench: Bench) -> None:
        make_scope(bench, admins="READ")
        made = change(bench, {INDEX_URL_KEY: ONE}, by=bench.people.ana)
        assert made.acl == {"ana@example.com": "MANAGE", **RECIPE}

    def test_deleting_lets_nobody_in(self, bench: Bench) -> None:
        make_scope(bench)
        put(bench, INDEX_URL_KEY, ONE)
        made = change(bench, {INDEX_URL_KEY: None})
        assert (made.values, made.acl) == ({}, {"ana@example.com": "MANAGE"})

    def test_no_changes_repair_it(self, bench: Bench) -> None:
        make_scope(bench)
        put(bench, INDEX_URL_KEY, ONE)
        made = change(bench, {})
        assert made.acl == {"ana@example.com": "MANAGE", **RECIPE}
        assert values(bench) == {INDEX_URL_KEY: ONE}


class TestConflict:
    def test_the_second_is_told_who_and_when_and_nothing_is_lost(self, bench: Bench) -> None:
        change(bench, {INDEX_URL_KEY: ONE, CERTIFICATE_KEY: None})
        bench.service.put_acl(bench.people.admin, wire.PutAcl(SCOPE, "builders", "WRITE"))
        seen = state(bench)
        bench.clock.now += 5
        put(bench, INDEX_URL_KEY, TWO, by=bench.people.ben)
        before = every_row(bench)
        with pytest.raises(Conflict) as refused:
            change(bench, {EXTRA_INDEX_URLS_KEY: ONE}, over=seen)
        error = refused.value
        assert error.reference == "default-changed-meanwhile"
        assert error.because == "ben@example.com set `pip-index-url` at 2023-11-14 22:13:25 UTC"
        assert error.unchanged == "nothing was written"
        assert "s3cret" not in f"{error.what} {error.because} {error.hint} {error.log}"
        assert every_row(bench) == before

    def test_a_deleted_value(self, bench: Bench) -> None:
        change(bench, {INDEX_URL_KEY: ONE, EXTRA_INDEX_URLS_KEY: ONE})
        seen = state(bench)
        bench.clock.now += 5
        change(bench, {EXTRA_INDEX_URLS_KEY: TWO})
        delete(bench, "PIP-index-url")
        with pytest.raises(Conflict) as refused:
            change(bench, {INDEX_URL_KEY: TWO}, over=seen)
        assert refused.value.because == (
            "admin@example.com deleted `pip-index-url` at 2023-11-14 22:13:25 UTC; "
            "admin@example.com set `pip-extra-index-urls` at 2023-11-14 22:13:25 UTC"
        )

    def test_a_deleted_scope(self, bench: Bench) -> None:
        seen = change(bench, {INDEX_URL_KEY: ONE})
        bench.service.delete_scope(bench.people.admin, wire.OnScope(SCOPE.upper()))
        with pytest.raises(Conflict) as refused:
            change(bench, {INDEX_URL_KEY: TWO}, over=seen)
        assert refused.value.because == (
            "admin@example.com deleted the whole scope, `pip-index-url` with it, at 2023-11-14 22:13:20 UTC"
        )
        assert not state(bench).exists

    def test_what_is_there_already_disturbs_nobody(self, bench: Bench) -> None:
        """A form sent twice, and two admins who want the same."""
        empty = state(bench)
        change(bench, {INDEX_URL_KEY: ONE}, over=empty)
        put(bench, CERTIFICATE_KEY, "pem")
        bench.service.delete_acl(bench.people.admin, wire.OnAcl(SCOPE, "users"))
        before = every_row(bench)
        answer = change(bench, {INDEX_URL_KEY: ONE, EXTRA_INDEX_URLS_KEY: None}, over=empty)
        assert answer == state(bench)
        assert every_row(bench) == before

    def test_something_and_back(self, bench: Bench) -> None:
        seen = change(bench, {INDEX_URL_KEY: ONE})
        put(bench, INDEX_URL_KEY, TWO)
        put(bench, INDEX_URL_KEY, ONE)
        put(bench, "other", "x")
        change(bench, {INDEX_URL_KEY: TWO}, over=seen)
        assert values(bench) == {INDEX_URL_KEY: TWO}

    @pytest.mark.parametrize("revision", ["", "-", "-.-", "x.y.z", "-.-.-.-", "ä"])
    def test_a_revision_that_is_none_of_ours(self, bench: Bench, revision: str) -> None:
        change(bench, {INDEX_URL_KEY: ONE})
        with pytest.raises(Conflict, match="no longer the one"):
            bench.service.change_reserved(bench.people.admin, secret({INDEX_URL_KEY: TWO}), revision=revision)
        bench.service.change_reserved(bench.people.admin, secret({INDEX_URL_KEY: ONE}), revision=revision)


class TestHistory:
    def test_every_write_in_plain_words_and_no_read(self, bench: Bench) -> None:
        people = bench.people
        change(bench, {INDEX_URL_KEY: ONE})
        bench.service.put_acl(people.admin, wire.PutAcl(SCOPE, "builders", "WRITE"))
        bench.clock.now += 1
        put(bench, "Pip-Cert", "pem", by=people.ben)
        bench.service.get(people.eve, wire.OnSecret(SCOPE, INDEX_URL_KEY))
        change(bench, {INDEX_URL_KEY: None})
        bench.service.delete_acl(people.admin, wire.OnAcl(SCOPE, "builders"))
        bench.service.delete_scope(people.admin, wire.OnScope("Databricks-Package-Management"))
        bench.service.create_scope(people.ana, wire.CreateScope("another"))
        told = bench.service.reserved_history()
        assert [(entry.principal.partition("@")[0], entry.action, entry.key) for entry in reversed(told)] == [
            ("admin", "created the scope", ""),
            ("admin", "gave MANAGE to admins", ""),
            ("admin", "gave READ to users", ""),
            ("admin", "set", INDEX_URL_KEY),
            ("admin", "gave WRITE to builders", ""),
            ("ben", "set", "Pip-Cert"),
            ("admin", "deleted", INDEX_URL_KEY),
            ("admin", "took all permissions from builders", ""),
            ("admin", "deleted the scope with everything in it", ""),
        ]
        assert told[-1] == ReservedChange(1_700_000_000_000, "admin@example.com", "created the scope", "")
        assert told[0].at == 1_700_000_001_000

    def test_only_the_newest(self, bench: Bench) -> None:
        make_scope(bench)
        for number in range(30):
            put(bench, INDEX_URL_KEY, f"{ONE}{number}")
            state(bench)
        assert len(bench.service.reserved_history()) == 20
        assert len(bench.service.reserved_history(limit=3)) == 3
        assert {entry.action for entry in bench.service.reserved_history()} == {"set"}

    def test_a_change_shows_what_it_wrote_with_the_hash_of_the_value(self, bench: Bench) -> None:
        change(bench, {INDEX_URL_KEY: ONE})
        put(bench, INDEX_URL_KEY, ONE)
        first, second = (entry for entry in bench.service.audit_entries(SCOPE) if entry.action == "put")
        assert first.value_hash == second.value_hash != ""


class TestAtOnce:
    def test_of_many_over_one_revision_one_wins(self, bench: Bench) -> None:
        seen = change(bench, {INDEX_URL_KEY: ONE})
        together = Barrier(8)

        def save(number: int) -> str:
            together.wait()
            try:
                change(bench, {INDEX_URL_KEY: f"{ONE}{number}", EXTRA_INDEX_URLS_KEY: f"{TWO}{number}"}, over=seen)
            except Conflict:
                return ""
            return str(number)

        with ThreadPoolExecutor(8) as pool:
            (winner,) = filter(None, pool.map(save, range(8)))
        assert values(bench) == {INDEX_URL_KEY: f"{ONE}{winner}", EXTRA_INDEX_URLS_KEY: f"{TWO}{winner}"}

    def test_one_of_many_makes_the_scope(self, bench: Bench) -> None:
        empty, together = state(bench), Barrier(4)

        def save(_number: int) -> ReservedState:
            together.wait()
            return change(bench, {INDEX_URL_KEY: ONE}, over=empty)

        with ThreadPoolExecutor(4) as pool:
            assert all(answer.exists for answer in pool.map(save, range(4)))
        actions = [entry.action for entry in reversed(bench.service.reserved_history())]
        assert actions == ["created the scope", "gave MANAGE to admins", "gave READ to users", "set"]

    def test_whoever_tries_again_loses_nobodys_line(self, bench: Bench) -> None:
        change(bench, {INDEX_URL_KEY: ONE})
        lines = [f"https://pkgs{number}.example.com/simple/" for number in range(12)]

        def add(line: str) -> None:
            while True:
                seen = state(bench)
                held = seen.values.get(EXTRA_INDEX_URLS_KEY)
                longer = f"{held.value.reveal()} {line}" if held else line
                try:
                    change(bench, {EXTRA_INDEX_URLS_KEY: longer}, over=seen)
                except Conflict:
                    continue
                return

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(add, lines))
        assert sorted(values(bench)[EXTRA_INDEX_URLS_KEY].split()) == sorted(lines)
