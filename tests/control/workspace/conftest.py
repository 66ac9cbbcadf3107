"""A workspace service on a real database, real blobs, identities and permissions, and the people who use it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.databases import database_with_tables

from wheelyard.control.caller import Caller
from wheelyard.control.permissions import wire as permissions_wire
from wheelyard.control.permissions.service import ObjectPermissions
from wheelyard.control.scim import wire as scim_wire
from wheelyard.control.scim.service import Directory
from wheelyard.control.workspace import Workspace
from wheelyard.storage.blobs import Blobs, LocalBlobs
from wheelyard.storage.database import Database


class People:
    """An admin, two users in a group, and a service principal."""

    def __init__(self, directory: Directory) -> None:
        self.admin = directory.caller(directory.bootstrap_admin("admin@example.com"))
        names = ("ana@example.com", "ben@example.com")
        ids = [directory.create("user", scim_wire.Resource(userName=name)).id for name in names]
        members = tuple(scim_wire.Reference(value=each) for each in ids)
        directory.create("group", scim_wire.Resource(displayName="team", members=members))
        self.ana, self.ben = (directory.caller(each) for each in ids)
        made = directory.create("service_principal", scim_wire.Resource(displayName="pipeline"))
        self.pipeline = directory.caller(made.id)


@dataclass
class Bench:
    """The service with everything around it."""

    service: Workspace
    database: Database
    blobs: Blobs
    permissions: ObjectPermissions
    directory: Directory
    people: People

    def another(self, *, notebook_limit_bytes: int = 10_000_000, file_limit_bytes: int = 10_000_000) -> Workspace:
        """The same workspace in another process, or with other limits."""
        return Workspace(
            database=self.database,
            blobs=self.blobs,
            permissions=self.permissions,
            directory=self.directory,
            notebook_limit_bytes=notebook_limit_bytes,
            file_limit_bytes=file_limit_bytes,
        )

    def grant(self, object_type: str, object_id: int, level: str, *, user: str = "", group: str = "") -> None:
        """Give a principal a level, as the admin does it through the permissions API."""
        entry = permissions_wire.AccessRequest(permission_level=level, user_name=user, group_name=group)
        self.permissions.update(
            self.people.admin,
            permissions_wire.ChangePermissions(
                object_type=object_type, object_id=str(object_id), access_control_list=(entry,)
            ),
        )

    def holders(self, caller: Caller, object_type: str, object_id: int) -> dict[str, set[str]]:
        """Who holds what on an object, as the permissions API shows it."""
        body = permissions_wire.OnObject(object_type, str(object_id))
        return {
            entry.user_name or entry.group_name or entry.service_principal_name: {
                each.permission_level for each in entry.all_permissions
            }
            for entry in self.permissions.get(caller, body).access_control_list
        }


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    database = database_with_tables(tmp_path / "workspace.db")
    directory = Directory(database=database)
    permissions = ObjectPermissions(database=database, directory=directory)
    people, blobs = People(directory), LocalBlobs(tmp_path / "blobs")
    service = Workspace(
        database=database, blobs=blobs, permissions=permissions, directory=directory, clock=lambda: 1_700_000_000
    )
    service.recover()
    yield Bench(service, database, blobs, permissions, directory, people)
    database.close()
