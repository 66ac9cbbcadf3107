"""Lints: what can be wrong with the way package sources reach compute, one row each.

A row says when it applies (a question from `predicates.py`), how bad it is, in which words, from which source and how
sure we are. `{found}` in the words is what the question found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from wheelyard.core.rules import predicates as ask
from wheelyard.core.rules.facts import Facts
from wheelyard.core.rules.runtimes import Confidence

__all__ = ["LINTS", "Level", "Lint", "Warned", "warnings_about"]

Level = Literal["error", "warn", "info"]


@dataclass(frozen=True, slots=True)
class Warned:
    """A lint that applies: its words with names filled in, how bad, and how sure we are."""

    id: str
    text: str
    level: Level
    confidence: Confidence
    source: str


@dataclass(frozen=True, slots=True)
class Lint:
    """One row."""

    id: str
    level: Level
    applies: ask.Predicate
    text: str
    source: str
    confidence: Confidence

    def warned(self, found: ask.Found) -> Warned:
        words = self.text.replace("{found}", ", ".join(f"`{thing}`" for thing in found))
        return Warned(self.id, words, self.level, self.confidence, self.source)


_DELIVERY = "facts/delivery.md"

LINTS: tuple[Lint, ...] = (
    Lint(
        "dbr-pip-env",
        "error",
        ask.cluster_variables_too_early,
        "{found} has no effect here: the variables are read from runtime 15.1 on",
        f"{_DELIVERY} 2.1",
        "documented",
    ),
    Lint(
        "pip-env-serverless",
        "error",
        ask.pip_variables_on_serverless,
        "{found} has no effect here: serverless compute has no cluster environment",
        f"{_DELIVERY} 13",
        "documented",
    ),
    Lint(
        "global-init-standard",
        "error",
        ask.scripts(lambda facts, script: script.scope == "global" and facts.access_mode == "standard"),
        "{found} does not run here: global init scripts run on dedicated and no-isolation compute only",
        f"{_DELIVERY} 5.1",
        "documented",
    ),
    Lint(
        "init-dbfs",
        "error",
        ask.scripts(lambda _facts, script: script.store == "dbfs"),
        "{found} lies on DBFS, where init scripts no longer run and every user can edit them",
        f"{_DELIVERY} 5.3",
        "documented",
    ),
    Lint(
        "init-volume-noiso",
        "error",
        ask.scripts(lambda facts, script: script.store == "volumes" and facts.access_mode == "no isolation"),
        "{found} lies in a volume, which no-isolation compute cannot run init scripts from",
        f"{_DELIVERY} 5.2",
        "recalled",
    ),
    Lint(
        "init-workspace-standard",
        "error",
        ask.scripts(lambda facts, script: script.store == "workspace" and facts.access_mode == "standard"),
        "{found} is a workspace file, which standard access mode does not run init scripts from",
        f"{_DELIVERY} 5.2",
        "recalled",
    ),
    Lint(
        "init-allowlist",
        "error",
        ask.scripts(ask.not_allowed),
        "{found} is not in the allowlist, and standard access mode needs that from 13.3 LTS on",
        f"{_DELIVERY} 5.4",
        "documented",
    ),
    Lint(
        "init-standard-old",
        "error",
        ask.scripts(
            lambda facts, script: (
                script.scope == "cluster" and facts.access_mode == "standard" and ask.runtime_is(facts, "<13.3")
            )
        ),
        "{found} does not run here: standard access mode runs init scripts from 13.3 LTS on",
        f"{_DELIVERY} 5.2",
        "documented",
    ),
    Lint(
        "wheel-allowlist",
        "info",
        ask.libraries(lambda facts, spec: spec.kind == "whl" and facts.access_mode == "standard"),
        "{found}: Python wheels need no allowlist entry",
        f"{_DELIVERY} 5.4",
        "documented",
    ),
    Lint(
        "requirements-old",
        "error",
        ask.libraries(lambda facts, spec: spec.kind == "requirements" and ask.runtime_is(facts, "<15.0")),
        "{found}: requirements files are libraries from runtime 15.0 on",
        f"{_DELIVERY} 6.2",
        "documented",
    ),
    Lint(
        "volume-lib-noiso",
        "error",
        ask.libraries(lambda facts, spec: spec.store == "volumes" and facts.access_mode == "no isolation"),
        "{found} lies in a volume, which no-isolation compute cannot install from",
        f"{_DELIVERY} 6.2",
        "recalled",
    ),
    Lint(
        "dbfs-lib-standard",
        "error",
        ask.libraries(lambda facts, spec: spec.store == "dbfs" and facts.access_mode == "standard"),
        "{found} lies on DBFS, which standard access mode does not install from",
        f"{_DELIVERY} 6.2",
        "documented",
    ),
    Lint(
        "dbfs-lib-15",
        "error",
        ask.libraries(lambda facts, spec: spec.store == "dbfs" and ask.runtime_is(facts, ">=15.1")),
        "{found} lies on DBFS, which is disabled for libraries from runtime 15.1 on",
        f"{_DELIVERY} 5.3",
        "documented",
    ),
    Lint(
        "pkg-repo-switch",
        "error",
        ask.default_switched_off,
        "the workspace default does not reach {found}: its workspace switch is off",
        f"{_DELIVERY} 1.3",
        "documented",
    ),
    Lint(
        "extras-survive",
        "warn",
        ask.inherited_extras,
        "an explicit index replaces the index only: extra indexes from {found} stay, and the highest version wins",
        f"{_DELIVERY} 0.2-2",
        "measured",
    ),
    Lint(
        "reqfile-resets",
        "warn",
        ask.requirements_reset,
        "{found} sets the index and drops every inherited index and extra index, the command line's included",
        f"{_DELIVERY} 0.2-1",
        "measured",
    ),
    Lint(
        "reqfile-loses",
        "warn",
        ask.requirements_lose,
        "the `--index-url` line in {found} has no effect: with uv everything else is stronger",
        "facts/packaging.md B1",
        "measured",
    ),
    Lint(
        "secret-newline",
        "error",
        ask.trailing_space,
        "{found} ends with white space, and pip then asks for `/simple%0A/…`",
        f"{_DELIVERY} 1.7",
        "measured",
    ),
    Lint(
        "extras-comma",
        "error",
        ask.comma_in_extras,
        "{found} holds a comma: extra indexes are separated by white space, a comma makes one broken URL",
        f"{_DELIVERY} 0.2-7",
        "measured",
    ),
    Lint(
        "index-quotes",
        "error",
        ask.quotes_in_index,
        "the value from {found} starts with a quote, which becomes part of the URL",
        f"{_DELIVERY} 0.2-10",
        "measured",
    ),
    Lint(
        "cert-is-path",
        "error",
        ask.certificate_is_path,
        "{found} looks like a path: the key holds the PEM text itself",
        f"{_DELIVERY} 1.1",
        "documented",
    ),
    Lint(
        "env-cert-is-text",
        "error",
        ask.variable_is_pem,
        "{found} holds PEM text: the variable is a path, and installers fail on anything else",
        f"{_DELIVERY} 4.5",
        "measured",
    ),
    Lint(
        "cert-replaces",
        "error",
        ask.bundle_replaces,
        "{found} replaces all certificates for this pip (before 24.2) and holds no public ones: the public index fails",
        f"{_DELIVERY} 4.5",
        "measured",
    ),
    Lint(
        "ca-variable-wins",
        "warn",
        ask.requests_bundle_wins,
        "the certificate from {found} is not used: REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE is stronger",
        "facts/packaging.md A6",
        "measured",
    ),
    Lint(
        "uv-blind",
        "error",
        ask.uv_is_blind,
        "uv reads no pip settings: {found} does nothing for it, and uv asks the public index",
        f"{_DELIVERY} 0.3",
        "measured",
    ),
    Lint(
        "uv-cli-loses",
        "warn",
        ask.uv_command_loses,
        "`--index-url` has no effect with this uv ({found}): use `--default-index`",
        f"{_DELIVERY} 0.3",
        "measured",
    ),
    Lint(
        "token-in-spec",
        "error",
        ask.tokens_in_specs,
        "a URL with credentials stands in {found}, which others can read",
        f"{_DELIVERY} 7.2",
        "documented",
    ),
    Lint(
        "scope-users-read",
        "error",
        ask.users_may_write,
        "`users` hold {found} on the reserved scope: everybody can change where everybody's packages come from",
        f"{_DELIVERY} 1.4",
        "documented",
    ),
    Lint(
        "scope-no-read",
        "error",
        ask.run_as_cannot_read,
        "{found} runs as an identity without READ on the reserved scope, so the workspace default cannot be read",
        f"{_DELIVERY} 1.4",
        "inferred",
    ),
    Lint(
        "env-cert-quote",
        "error",
        ask.quote_in_value,
        "{found} holds a single quote, which breaks out of the export line",
        f"{_DELIVERY} 3.6",
        "documented",
    ),
    Lint(
        "mode-absent",
        "warn",
        ask.mode_absent,
        "{found} names no access mode: that means Custom, not no isolation",
        f"{_DELIVERY} 10",
        "documented",
    ),
    Lint(
        "config-file-missing",
        "warn",
        ask.config_file_missing,
        "PIP_CONFIG_FILE names {found}, which is not there: pip says nothing and uses what is weaker",
        f"{_DELIVERY} 0.2-5",
        "measured",
    ),
    Lint(
        "config-file-not-seen",
        "warn",
        ask.config_file_not_seen,
        "PIP_CONFIG_FILE names {found}, which was not read here: if it is there, it is stronger than the files shown",
        f"{_DELIVERY} 4.2",
        "measured",
    ),
    Lint(
        "not-readable",
        "warn",
        ask.unreadable,
        "{found} decides here and could not be read: the answer may differ",
        f"{_DELIVERY} 1.4",
        "inferred",
    ),
)


_WORST_FIRST: tuple[Level, ...] = ("error", "warn", "info")


def warnings_about(facts: Facts) -> tuple[Warned, ...]:
    """Every row that applies, errors first."""
    applying = [lint.warned(found) for lint in LINTS if (found := lint.applies(facts))]
    return tuple(sorted(applying, key=lambda warned: _WORST_FIRST.index(warned.level)))
