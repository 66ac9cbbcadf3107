"""Who is in which group, through other groups too.

`users` holds every user and service principal without a stored membership, so it may itself be a member of another
group and then brings everybody along. Groups never contain themselves, however long the way round.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from wheelyard.control.caller import ADMINS, USERS

__all__ = ["ADMINS_ID", "SPECIAL", "USERS_ID", "Groups"]

ADMINS_ID = "1000000000000001"
USERS_ID = "1000000000000002"
SPECIAL: Mapping[str, str] = MappingProxyType({ADMINS_ID: ADMINS, USERS_ID: USERS})
"""Always there: they can be neither deleted nor renamed."""


@dataclass(frozen=True, slots=True)
class Groups:
    """All stored memberships at one moment, read both ways. `names` is the display name of each group."""

    names: Mapping[str, str] = field(default_factory=dict)
    parents: Mapping[str, frozenset[str]] = field(default_factory=dict)
    members: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, memberships: Iterable[tuple[str, str]], names: Mapping[str, str]) -> Groups:
        """Build from (group id, member id) pairs."""
        parents: defaultdict[str, set[str]] = defaultdict(set)
        members: defaultdict[str, list[str]] = defaultdict(list)
        for group_id, member_id in memberships:
            parents[member_id].add(group_id)
            members[group_id].append(member_id)
        return cls(
            names,
            {member_id: frozenset(groups) for member_id, groups in parents.items()},
            {group_id: tuple(found) for group_id, found in members.items()},
        )

    def direct(self, principal_id: str, *, is_group: bool) -> frozenset[str]:
        own = self.parents.get(principal_id, frozenset())
        return own if is_group else own | {USERS_ID}

    def above(self, principal_id: str, *, is_group: bool) -> frozenset[str]:
        """Every group the principal is in."""
        found = set(self.direct(principal_id, is_group=is_group))
        waiting = list(found)
        while waiting:
            fresh = self.parents.get(waiting.pop(), frozenset()) - found
            found |= fresh
            waiting += fresh
        return frozenset(found)

    def below(self, group_id: str) -> frozenset[str]:
        """Every principal that a stored membership puts in the group; with `users` in it, everybody is."""
        found: set[str] = set()
        waiting = [group_id]
        while waiting:
            fresh = set(self.members.get(waiting.pop(), ())) - found
            found |= fresh
            waiting += fresh
        return frozenset(found)
