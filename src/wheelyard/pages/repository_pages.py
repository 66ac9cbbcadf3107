"""Settings > Compute > Default Package Repositories: change the workspace default, check it, see whom it reaches.

One form, one save. What cannot be saved comes back with its reason next to the field and everything typed still there.
A script asks for the same answers in pieces: reasons while somebody types, the result of a check, the list of clusters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wheelyard.control.operation import ADMIN
from wheelyard.control.package_repositories.certificates import CertificateInWords
from wheelyard.control.package_repositories.index_check import CheckResult
from wheelyard.control.package_repositories.service import PackageRepositories, Stored, read_command
from wheelyard.control.package_repositories.typed import Typed, TypedUrl
from wheelyard.control.sign_in.service import SignIn
from wheelyard.core.errors import Conflict, InvalidParameter, InvalidState, NotFound, WheelyardError
from wheelyard.core.explanation_words import STRATEGY_WORDS, facts_of
from wheelyard.core.package_sources import CERTIFICATE_KEY, EXTRA_INDEX_URLS_KEY, INDEX_URL_KEY
from wheelyard.core.redaction import mask_urls
from wheelyard.core.rules.defaults import APPLIES
from wheelyard.core.rules.runtimes import ENVIRONMENT_VERSIONS
from wheelyard.pages.page import Answer, Moved, Page, PageRequest, Shown
from wheelyard.pages.repository_form import (
    Fields,
    SourcesForm,
    fields_of,
    form_of_stored,
    form_of_typed,
    refreshed,
    unsplit,
    with_row,
    without_row,
)

__all__ = ["PAGES", "PATH", "RepositoryPages"]

PATH = "/settings/compute/default-package-repositories"

_TITLES = {
    INDEX_URL_KEY: "Index URL",
    EXTRA_INDEX_URLS_KEY: "Extra index URLs",
    CERTIFICATE_KEY: "Custom SSL certificate",
}
_LONGEST_COMMAND = 20_000


@dataclass(frozen=True, slots=True)
class _Conflict:
    """Who saved first, and what is stored since then where it is not what was typed here."""

    because: str
    stored_now: dict[str, str]


class RepositoryPages:
    """The pages about the workspace default."""

    def __init__(self, repositories: PackageRepositories, sign_in: SignIn) -> None:
        self._repositories = repositories
        self._sign_in = sign_in

    # -- the form

    def show(self, request: PageRequest) -> Answer:
        """The page; with what was typed before, when a session ended in between."""
        stored = self._repositories.stored(request.caller)
        if not request.form:
            return self._page(request, stored, form_of_stored(stored), done=request.query.get("done", ""))
        fields, typed = self._read(request, stored)
        return self._page(request, stored, self._form(request, fields, typed), done="restored")

    def save(self, request: PageRequest) -> Answer:
        """Save the form; or, without a script, add or remove a row."""
        stored = self._repositories.stored(request.caller)
        fields, typed = self._read(request, stored)
        action, _, key = fields.action.partition(":")
        if action == "add-row":
            return self._page(request, stored, with_row(self._form(request, fields, typed)))
        if action == "remove-row":
            return self._page(request, stored, without_row(self._form(request, fields, typed), key))
        return self._saved(request, stored, fields, typed)

    def _saved(self, request: PageRequest, stored: Stored, fields: Fields, typed: Typed) -> Answer:
        """Save. A form that was sent twice finds its values stored already, and nothing is done."""
        usable = typed.is_usable and not fields.certificate_problems
        changes = self._repositories.differs(stored, typed)
        if changes and fields.revision != stored.state.revision:
            return self._conflict(request, stored, fields, typed)
        if not usable:
            return self._refused(request, stored, fields, typed)
        try:
            self._repositories.save(request.caller, stored, typed, fields.revision)
        except Conflict as conflict:
            stored = self._repositories.stored(request.caller)
            return self._conflict(request, stored, fields, typed, conflict.because)
        return Moved(f"{PATH}?done=saved")

    def hints(self, request: PageRequest) -> Answer:
        """What is wrong or doubtful about what is being typed."""
        fields, typed = self._read(request, self._repositories.stored(request.caller))
        return Shown("_repository_messages.html", self._messages(request, fields, typed), in_place=True)

    def delete(self, request: PageRequest) -> Answer:
        """Delete one value."""
        try:
            self._repositories.delete(request.caller, request.form.text("key"), request.form.text("revision"))
        except Conflict as conflict:
            stored = self._repositories.stored(request.caller)
            told = _Conflict(conflict.because, {})
            return self._page(request, stored, form_of_stored(stored), conflict=told, done="not-deleted", status=409)
        return Moved(f"{PATH}?done=deleted")

    # -- the check

    def check(self, request: PageRequest) -> Answer:
        """Fetch a page of each index with the form's values."""
        stored = self._repositories.stored(request.caller)
        fields, typed = self._read(request, stored)
        results = self._results(typed, fields.project)
        if request.is_htmx:
            return Shown("_repository_check.html", {"results": results})
        return self._page(request, stored, self._form(request, fields, typed), results=results)

    def _results(self, typed: Typed, project: str) -> list[tuple[str, TypedUrl, CheckResult | None]]:
        """Label, URL and what was met; nothing was asked of a URL that cannot be used."""
        named = [("Index URL", typed.index_url)] if typed.index_url else []
        many = len(typed.extra_index_urls) > 1
        named += [
            (f"Extra index URL {number}" if many else "Extra index URL", url)
            for number, url in enumerate(typed.extra_index_urls, start=1)
        ]

        asked = [url.url for _label, url in named if url.is_usable]
        answers = iter(self._repositories.check(asked, typed.certificate, project))
        return [(label, url, next(answers) if url.is_usable else None) for label, url in named]

    # -- the clusters

    def clusters(self, request: PageRequest) -> Answer:
        """The list of clusters with an old value, as a fragment that renews itself while something restarts."""
        watched = [one for one in request.query.get("watch", "").split(",") if one][:50]
        return Shown("_repository_clusters.html", self._clusters(request, watched))

    def restart(self, request: PageRequest) -> Answer:
        """Restart one cluster, then show the list with its progress."""
        cluster_id = request.form.text("cluster_id")
        watched = [one for one in request.form.text("watch").split(",") if one][:50]
        refused = ""
        try:
            self._repositories.restart(request.caller, cluster_id)
        except (InvalidState, NotFound) as error:
            refused = error.what
        watched = [*dict.fromkeys([*watched, cluster_id])]
        if not request.is_htmx and not refused:
            return Moved(f"{PATH}?watch={','.join(watched)}#clusters")
        return Shown("_repository_clusters.html", self._clusters(request, watched, refused))

    def _clusters(self, request: PageRequest, watched: Sequence[str], refused: str = "") -> dict[str, Any]:
        old = self._repositories.with_old_default(request.caller)
        known = {one.cluster_id for one in old}
        followed = []
        for cluster_id in watched:
            try:
                followed.append((cluster_id, self._repositories.progress(request.caller, cluster_id)))
            except WheelyardError:
                continue  # deleted meanwhile: there is nothing left to follow
        names = dict(self._repositories.clusters(request.caller)) if followed else {}
        return {
            "path": PATH,
            "titles": _TITLES,
            "old": [one for one in old if one.cluster_id not in {cluster_id for cluster_id, _ in followed}],
            "followed": [(cluster_id, names.get(cluster_id, cluster_id), one) for cluster_id, one in followed],
            "still_old": known,
            "watch": ",".join(cluster_id for cluster_id, _ in followed),
            "is_moving": any(not one.is_settled for _, one in followed),
            "refused": refused,
        }

    # -- which index wins

    def explain(self, request: PageRequest) -> Answer:
        """Ask which index wins."""
        return Shown("repository_explain.html", self._explained(request, asked=False))

    def explained(self, request: PageRequest) -> Answer:
        """Say which index wins. By POST, because a pasted command may hold a credential."""
        values = self._explained(request, asked=True)
        if request.is_htmx:
            return Shown("_repository_ladder.html", values)
        return Shown("repository_explain.html", values, 422 if values["wrong"] else 200)

    def _explained(self, request: PageRequest, *, asked: bool) -> dict[str, Any]:
        compute = request.form.text("compute") or request.query.get("on", "") or "serverless"
        command = request.form.text("command")
        explanation, wrong = None, ""
        try:
            if len(command) > _LONGEST_COMMAND:
                raise InvalidParameter(f"The command is longer than {_LONGEST_COMMAND:,} characters.")
            explanation = self._repositories.explain(request.caller, compute, read_command(command))
        except WheelyardError as error:
            wrong = error.what
        return {
            "path": PATH,
            "compute": compute,
            "command": mask_urls(command),
            "clusters": self._repositories.clusters(request.caller),
            "environment_versions": [row.version for row in ENVIRONMENT_VERSIONS],
            "explanation": explanation,
            "facts": facts_of(explanation.options) if explanation else (),
            "strategy": STRATEGY_WORDS.get(explanation.options.strategy, "") if explanation else "",
            "asked": asked,
            "wrong": wrong,
        }

    # -- how it is done

    def _read(self, request: PageRequest, stored: Stored) -> tuple[Fields, Typed]:
        principal_id = request.caller.principal_id
        fields = fields_of(request.form, lambda sealed: self._sign_in.open_form(principal_id, sealed))
        typed = self._repositories.read(
            stored, fields.index_url, fields.extra_index_urls, fields.certificate, fields.typed_before
        )
        return fields, typed

    def _form(self, request: PageRequest, fields: Fields, typed: Typed) -> SourcesForm:
        principal_id = request.caller.principal_id
        return form_of_typed(fields, typed, lambda content: self._sign_in.seal_form(principal_id, content))

    def _refused(self, request: PageRequest, stored: Stored, fields: Fields, typed: Typed) -> Answer:
        """Not saved: in pieces for a script, which leaves the fields alone, or as a whole page."""
        if request.is_htmx:
            values = self._messages(request, fields, typed) | {"saving": True}
            return Shown("_repository_messages.html", values, 422, in_place=True)
        return self._page(request, stored, self._form(request, fields, typed), status=422)

    def _messages(self, request: PageRequest, fields: Fields, typed: Typed) -> dict[str, Any]:
        certificates: tuple[CertificateInWords, ...] = ()
        chain = ""
        if typed.certificate and not any(one.level == "error" for one in typed.certificate_problems):
            certificates, chain = self._repositories.described(typed.certificate)
        return {
            "form": unsplit(self._form(request, fields, typed), fields, typed),
            "certificates": certificates,
            "chain": chain,
            "saving": False,
        }

    def _conflict(
        self, request: PageRequest, stored: Stored, fields: Fields, typed: Typed, because: str = ""
    ) -> Answer:
        """Somebody saved first: say so, keep what was typed, show what is stored now beside it."""
        form = refreshed(self._form(request, fields, typed), fields, stored)
        now = form_of_stored(stored)
        stored_now = {}
        if form.index.text != now.index.text:
            stored_now[INDEX_URL_KEY] = now.index.text
        if [row.text for row in form.extras] != [row.text for row in now.extras]:
            stored_now[EXTRA_INDEX_URLS_KEY] = " ".join(row.text for row in now.extras)
        if form.certificate.strip() != now.certificate.strip():
            stored_now[CERTIFICATE_KEY] = stored.chain or "no certificate"
        told = _Conflict(because or self._who_saved(), stored_now)
        template = "_repository_form.html" if request.is_htmx else "repositories.html"
        return self._page(request, stored, form, conflict=told, status=409, template=template)

    def _who_saved(self) -> str:
        latest = next(iter(self._repositories.history()), None)
        return "" if latest is None else f"{latest.principal} {latest.action} {_TITLES.get(latest.key, latest.key)}"

    def _page(
        self,
        request: PageRequest,
        stored: Stored,
        form: SourcesForm,
        *,
        conflict: _Conflict | None = None,
        done: str = "",
        results: Sequence[Any] | None = None,
        status: int = 200,
        template: str = "repositories.html",
    ) -> Shown:
        watched = [one for one in request.query.get("watch", "").split(",") if one][:50]
        certificates, chain = stored.certificates, stored.chain
        if form.certificate.strip() != (stored.sources.certificate or "").strip():
            usable = form.certificate and not any(one.level == "error" for one in form.certificate_problems)
            certificates, chain = self._repositories.described(form.certificate) if usable else ((), "")
        values = {
            "path": PATH,
            "stored": stored,
            "history": self._repositories.history(),
            "form": form,
            "conflict": conflict,
            "done": done,
            "results": results,
            "certificates": certificates,
            "chain": chain,
            "titles": _TITLES,
            "applies": APPLIES,
            "saving": status == 422,
            **self._clusters(request, watched),
        }
        return Shown(template, values, status)


PAGES: tuple[Page[RepositoryPages], ...] = (
    Page("GET", PATH, RepositoryPages.show, needs=ADMIN),
    Page("POST", PATH, RepositoryPages.save, needs=ADMIN),
    Page("POST", f"{PATH}/hints", RepositoryPages.hints, needs=ADMIN),
    Page("POST", f"{PATH}/delete", RepositoryPages.delete, needs=ADMIN),
    Page("POST", f"{PATH}/check", RepositoryPages.check, needs=ADMIN),
    Page("GET", f"{PATH}/clusters", RepositoryPages.clusters, needs=ADMIN),
    Page("POST", f"{PATH}/clusters/restart", RepositoryPages.restart, needs=ADMIN),
    Page("GET", f"{PATH}/which-index-wins", RepositoryPages.explain, needs=ADMIN),
    Page("POST", f"{PATH}/which-index-wins", RepositoryPages.explained, needs=ADMIN),
)
