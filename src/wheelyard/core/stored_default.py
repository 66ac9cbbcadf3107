"""The workspace default as it is stored: what the scope's ACL should be, and which rules it all breaks.

Pages and the command line ask the same function, so they say the same. Rules about a value are in
`core/rules/values.py`; those about the scope around the values are rows here.

Source: facts/delivery.md 1.1, 1.4, 1.7.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from wheelyard.core.names import RESERVED_SCOPE
from wheelyard.core.package_sources import INDEX_URL_KEY, KEYS, PackageSources, problems_of
from wheelyard.core.permissions import LEVELS
from wheelyard.core.redaction import Secret
from wheelyard.core.rules.runtimes import Confidence
from wheelyard.core.rules.values import Level

__all__ = ["ACL", "CHECKS", "Check", "Finding", "StoredDefault", "check", "missing_acl"]

ACL: Final = (("admins", "MANAGE"), ("users", "READ"))
"""Who may do what, as the documentation's recipe has it. Source: facts/delivery.md 1.4."""

_DELIVERY = "facts/delivery.md"


@dataclass(frozen=True, slots=True)
class Check:
    """A rule about the scope itself.

    Args:
        words: what is seen and what follows, with names to fill in.
        hint: the next command.
    """

    rule_id: str
    level: Level
    words: str
    source: str
    confidence: Confidence
    hint: str = ""


_PUT_ACL = f"databricks secrets put-acl {RESERVED_SCOPE}"

CHECKS: tuple[Check, ...] = (
    Check(
        "default-scope-missing",
        "error",
        "scope `{scope}` does not exist, so installs without settings of their own ask the public index",
        f"{_DELIVERY} 1.1 and 1.8",
        "documented",
        "wheelyard default set",
    ),
    Check(
        "default-index-missing",
        "error",
        f"`{INDEX_URL_KEY}` is not set, so installers ask the public index beside any extra index",
        f"{_DELIVERY} 0.2-9 and 1.8",
        "documented",
        "wheelyard default set",
    ),
    Check(
        "default-key-unknown",
        "warning",
        "key `{key}` is none of the three that compute reads, so it has no effect",
        f"{_DELIVERY} 1.1",
        "documented",
        f"databricks secrets delete-secret {RESERVED_SCOPE} KEY",
    ),
    Check(
        "default-users-cannot-read",
        "error",
        "`users` has no READ on the scope, so jobs and people that are no admins do not get the default",
        f"{_DELIVERY} 1.4",
        "inferred",
        f"{_PUT_ACL} users READ",
    ),
    Check(
        "default-users-can-write",
        "error",
        "`users` has {permission} on the scope, so every user can send all installs elsewhere",
        f"{_DELIVERY} 1.4",
        "documented",
        f"{_PUT_ACL} users READ",
    ),
    Check(
        "default-admins-cannot-manage",
        "warning",
        "`admins` has no MANAGE in the ACL, which the documented recipe gives it",
        f"{_DELIVERY} 1.4",
        "documented",
        f"{_PUT_ACL} admins MANAGE",
    ),
    Check(
        "default-unreadable",
        "error",
        "{what} could not be read: {because}",
        f"{_DELIVERY} 1.4",
        "inferred",
    ),
)
"""What a check looks for besides the values themselves."""

_CHECKS = MappingProxyType({row.rule_id: row for row in CHECKS})


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that the stored default breaks.

    Args:
        where: the key, or `acl`; empty for the scope as a whole.
        hint: the next command.
        why: what goes wrong, where `text` does not say it already.
    """

    rule_id: str
    level: Level
    text: str
    where: str
    hint: str
    why: str
    source: str
    confidence: Confidence


@dataclass(frozen=True, slots=True)
class StoredDefault:
    """What the caller may see of the reserved scope.

    Args:
        exists: whether the scope is there.
        values: the known keys whose values the caller may read, as stored.
        updated_at: every key in the scope with its time of last change, in milliseconds.
        acl: permission by principal; None when the caller may not see it.
        unreadable: what exists and could not be read, and why.
    """

    exists: bool
    values: Mapping[str, Secret[str]] = field(default_factory=lambda: MappingProxyType({}))
    updated_at: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    acl: Mapping[str, str] | None = None
    unreadable: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def sources(self) -> PackageSources | None:
        """The package sources, None when there is no default or it could not be read."""
        if not self.values:
            return None
        return PackageSources.from_keys({key: value.reveal() for key, value in self.values.items()})


def missing_acl(held: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The entries of the recipe that an ACL lacks; a stronger permission than the recipe's is left as it is.

    >>> missing_acl({"admins": "MANAGE"})
    (('users', 'READ'),)
    >>> missing_acl({"admins": "READ", "users": "WRITE"})
    (('admins', 'MANAGE'),)
    """
    return tuple((who, level) for who, level in ACL if _rank(held.get(who)) < _rank(level))


def check(stored: StoredDefault) -> tuple[Finding, ...]:
    """Every rule that the stored default breaks: its values first, then its ACL."""
    if not stored.exists:
        return (_finding("default-scope-missing", scope=RESERVED_SCOPE),)
    findings = [
        Finding(
            problem.rule_id,
            problem.level,
            problem.text,
            key,
            problem.hint,
            problem.why,
            problem.source,
            problem.confidence,
        )
        for key, value in stored.values.items()
        for problem in problems_of(key, value.reveal())
    ]
    findings += [
        _finding("default-key-unknown", key, key=key) for key in stored.updated_at if key.casefold() not in KEYS
    ]
    if INDEX_URL_KEY not in stored.values and not stored.unreadable:
        findings.append(_finding("default-index-missing", INDEX_URL_KEY))
    findings += [_finding("default-unreadable", what=what, because=why) for what, why in stored.unreadable.items()]
    return (*findings, *_check_acl(stored.acl))


def _check_acl(acl: Mapping[str, str] | None) -> list[Finding]:
    if acl is None:
        return []
    found = []
    if _rank(acl.get("users")) < 0:
        found.append(_finding("default-users-cannot-read", "acl"))
    if _rank(acl.get("users")) > 0:
        found.append(_finding("default-users-can-write", "acl", permission=acl["users"]))
    if acl.get("admins") != "MANAGE":
        found.append(_finding("default-admins-cannot-manage", "acl"))
    return found


def _rank(level: str | None) -> int:
    return LEVELS["scope"].index(level) if level in LEVELS["scope"] else -1


def _finding(rule_id: str, where: str = "", **named: object) -> Finding:
    row = _CHECKS[rule_id]
    return Finding(rule_id, row.level, row.words.format(**named), where, row.hint, "", row.source, row.confidence)
