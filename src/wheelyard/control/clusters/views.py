"""What the rules see of a cluster or a serverless environment, read as its owner.

There is one function for each kind of compute. A launch starts from its answer, and an explanation is made from it: the
two differ only in what they do with a problem. A launch raises the first one; an explanation names them all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from wheelyard.control.caller import Caller
from wheelyard.control.clusters.ports import SecretReader
from wheelyard.control.clusters.spec import filled
from wheelyard.control.clusters.store import Cluster
from wheelyard.core.compute import ComputeView
from wheelyard.core.errors import BadRequest, InvalidParameter, LaunchFailed, NotFound, PermissionDenied, WheelyardError
from wheelyard.core.names import RESERVED_SCOPE
from wheelyard.core.package_sources import PackageSources
from wheelyard.core.pip.installer import Installer
from wheelyard.core.redaction import Secret
from wheelyard.core.rules.defaults import DEFAULT_WITHOUT_READ, DefaultWithoutRead, PackageRepositorySwitches
from wheelyard.core.rules.runtimes import EnvironmentVersion, runtime_of
from wheelyard.core.secret_refs import SecretReference, parse_reference

__all__ = ["FAILED_TO_FETCH", "Default", "Problem", "Seen", "Views"]

FAILED_TO_FETCH = "Failed to fetch secrets referred to in Spark Conf"
"""The live service's text for every unresolvable reference, variables included. Source: facts/workspace-api.md 6.5."""

_REFUSALS = (NotFound, PermissionDenied, BadRequest, InvalidParameter, LaunchFailed)
"""What a reference can fail with by itself; a workspace that does not work is no property of a cluster."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something a launch needs and could not have.

    Args:
        unreadable: its name and the reason, as `ComputeView.unreadable` has them; empty when it has no say in which
            index wins.
        failure: what a start ends with.
    """

    unreadable: str
    failure: WheelyardError


@dataclass(frozen=True, slots=True)
class Default:
    """The workspace default as one identity gets it.

    Args:
        sources: None when there is none, or it does not reach this compute.
        line: what the start-up log says about it.
        unreadable: set when it is there and this identity may not read it.
        failure: set when a start fails because of that.
    """

    sources: PackageSources | None
    line: str = ""
    unreadable: str = ""
    failure: WheelyardError | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """A view, and what a launch must know beside it.

    Args:
        secrets: the values of the references, those in Spark settings included.
        problems: in the order in which a launch meets them.
    """

    view: ComputeView
    secrets: tuple[Secret[str], ...]
    default_line: str
    problems: tuple[Problem, ...]

    def check(self) -> None:
        """Raise what the launch fails with, if it does."""
        if self.problems:
            raise self.problems[0].failure


class Views:
    """Builds views with the secrets and the default as they are now."""

    def __init__(
        self,
        secrets: SecretReader,
        switches: Callable[[], PackageRepositorySwitches],
        without_read: DefaultWithoutRead = DEFAULT_WITHOUT_READ,
    ) -> None:
        self._secrets = secrets
        self._switches = switches
        self._without_read = without_read

    def cluster(self, cluster: Cluster, owner: Caller | None) -> Seen:
        """A classic cluster; `owner` is None when nobody is its owner any more, so that nothing secret can be read."""
        runtime = runtime_of(str(cluster.spec.get("spark_version")))
        texts = dict(cluster.spec.get("spark_env_vars") or {})
        variables = _Resolution(self._secrets, owner, "spark_env_vars", texts)
        conf = _Resolution(self._secrets, owner, "spark_conf", dict(cluster.spec.get("spark_conf") or {}))
        default = self.default(cluster.created_through, owner)
        view = ComputeView(
            name=cluster.name or cluster.cluster_id,
            kind="classic",
            installer=Installer.parse(f"pip=={runtime.pip}" if runtime else "pip"),
            runtime_version=str(cluster.spec.get("spark_version")),
            access_mode=filled(cluster.spec, "", for_job=cluster.source == "JOB").get("data_security_mode"),
            created_through="UI" if cluster.created_through == "UI" else "API",
            variables=MappingProxyType(variables.values),
            references=MappingProxyType(variables.references),
            workspace_default=default.sources,
            unreadable=_words(*(problem.unreadable for problem in variables.problems), default.unreadable),
        )
        without_say = [Problem("", problem.failure) for problem in conf.problems]
        problems = (*variables.problems, *without_say, *_of_default(default))
        return Seen(view, (*variables.secrets, *conf.secrets), default.line, problems)

    def serverless(self, name: str, version: EnvironmentVersion, dependencies: tuple[str, ...], caller: Caller) -> Seen:
        """A serverless environment; the default is read with the READ of the identity it runs as."""
        default = self._default(caller)
        view = ComputeView(
            name=name,
            kind="serverless",
            installer=Installer.parse(f"pip=={version.pip}"),
            runtime_version=version.version,
            workspace_default=default.sources,
            dependencies=dependencies,
            unreadable=_words(default.unreadable),
        )
        return Seen(view, (), default.line, _of_default(default))

    def default(self, created_through: str, owner: Caller | None, *, recorded: bool = True) -> Default:
        """What a cluster of this owner, created in this way, takes of the workspace default when it starts now.

        Unrecorded, the audit trail does not say that the owner read it: for a comparison, whose values reach nobody.
        """
        switches = self._switches()
        if not switches.let_in(created_through):
            setting = switches.setting_for(created_through)
            return Default(None, line=f"workspace default: not used, setting `{setting}` is off")
        if owner is None:
            gone = _owner_is_gone()
            return Default(None, unreadable=_unreadable_default(gone), failure=gone)
        return self._default(owner, recorded=recorded)

    def _default(self, caller: Caller, *, recorded: bool = True) -> Default:
        try:
            values = self._secrets.reserved_values(caller, recorded=recorded)
        except PermissionDenied as error:
            return self._without(caller, error)
        if values is None:
            return Default(None, line="workspace default: none set")
        sources = PackageSources.from_keys({key: value.reveal() for key, value in values.items()})
        return Default(sources, line=f"workspace default: read as {caller.name} from scope `{RESERVED_SCOPE}`")

    def _without(self, caller: Caller, error: PermissionDenied) -> Default:
        said = f"{caller.name} has no READ on scope `{RESERVED_SCOPE}`"
        hint = f"databricks secrets put-acl {RESERVED_SCOPE} users READ"
        unreadable = _unreadable_default(error)
        if self._without_read.chosen == "fails":
            failure = LaunchFailed(
                f"{FAILED_TO_FETCH}: {said}", code="SECRET_PERMISSION_DENIED", hint=hint, log=error.log
            )
            failure.__cause__ = error
            return Default(None, unreadable=unreadable, failure=failure)
        return Default(None, f"workspace default: ignored, {said}; hint: {hint}", unreadable)


class _Resolution:
    """Named texts of a specification with their references resolved.

    `values` lacks what could not be resolved; `problems` names it.
    """

    def __init__(self, reader: SecretReader, owner: Caller | None, place: str, texts: Mapping[str, str]) -> None:
        self._reader = reader
        self._owner = owner
        self._place = place
        self.values: dict[str, Secret[str]] = {}
        self.references: dict[str, SecretReference] = {}
        self.secrets: list[Secret[str]] = []
        self.problems: list[Problem] = []
        for name, text in texts.items():
            try:
                self._take(name, text)
            except _REFUSALS as refused:
                self.problems.append(self._problem(name, refused))

    def _take(self, name: str, text: str) -> None:
        reference = parse_reference(text)
        if reference is None:
            self.values[name] = Secret(text)
            return
        self.references[name] = reference
        if self._owner is None:
            raise _owner_is_gone()
        value = _text_of(self._reader.read_value(self._owner, reference.scope, reference.key))
        self.secrets.append(value)
        self.values[name] = value

    def _problem(self, name: str, refused: WheelyardError) -> Problem:
        reference = self.references.get(name)
        if reference is None:
            failure: WheelyardError = _misspelt(f"{self._place}.{name}", refused)
        else:
            failure = self._failure(name, reference, refused)
        failure.__cause__ = None if failure is refused else refused
        return Problem(f"{name} ({refused.what.rstrip('.')})", failure)

    def _failure(self, name: str, reference: SecretReference, refused: WheelyardError) -> WheelyardError:
        """What a launch says, with the code that the live service gives for such a reference."""
        code, because, hint = "SECRET_RESOLUTION_ERROR", refused.what, ""
        if isinstance(refused, NotFound):
            hint = "databricks secrets list-secrets"
        elif isinstance(refused, PermissionDenied) and self._owner is not None:
            code = "SECRET_PERMISSION_DENIED"
            because = f"cluster owner {self._owner.name} has no READ on scope {reference.scope}"
            hint = f"databricks secrets put-acl {reference.scope} {self._owner.name} READ"
        elif not isinstance(refused, _NoText):
            return refused
        where = f"`{reference}` in `{self._place}.{name}`"
        return LaunchFailed(f"{FAILED_TO_FETCH}: {where} cannot be resolved: {because}", code=code, hint=hint)


class _NoText(InvalidParameter):
    """A secret's value is nothing that a variable or setting can hold."""


def _text_of(value: Secret[bytes]) -> Secret[str]:
    try:
        text = value.reveal().decode()
    except UnicodeDecodeError as error:
        raise _NoText("the value is no UTF-8 text") from error
    if "\0" in text:
        raise _NoText("the value holds a zero byte")
    return Secret(text)


def _misspelt(place: str, refused: WheelyardError) -> WheelyardError:
    """A reference that no specification is stored with; the rule may be younger than the cluster."""
    return InvalidParameter(
        f"`{place}`: {refused.what}", reference=refused.reference, because=refused.because, hint=refused.hint
    )


def _owner_is_gone() -> LaunchFailed:
    return LaunchFailed("the owner of the cluster does not exist any more", code="INVALID_ARGUMENT")


def _unreadable_default(error: WheelyardError) -> str:
    return f"scope {RESERVED_SCOPE} ({error.what.rstrip('.')})"


def _of_default(default: Default) -> tuple[Problem, ...]:
    return () if default.failure is None else (Problem(default.unreadable, default.failure),)


def _words(*texts: str) -> tuple[str, ...]:
    return tuple(text for text in texts if text)
