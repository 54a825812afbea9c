"""The rules of a repository, for its owners: set, tried before they are saved, exported; and its passes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from localshop.catalog import policies
from localshop.catalog.records import PassRecord, RepositoryRecord
from localshop.errors import BadInput
from localshop.policies.first_seen import FirstSeen
from localshop.policies.rules import Rules, read
from localshop.shelf.rehearsal import Met, Rehearsed, rehearse

from . import rights
from .forms.rules import PassForm, RulesForm, initial_of

_DAYS = 30
_MOST_MET = 50
_LARGEST_IMPORT = 1 << 20


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What the last days' downloads would have met, as the page shows it."""

    days: int
    found: Rehearsed

    @property
    def met(self) -> Sequence[Met]:
        """The releases that are shown, those with the most downloads."""
        return self.found.met[:_MOST_MET]

    @property
    def more(self) -> int:
        """How many are not shown."""
        return max(len(self.found.met) - _MOST_MET, 0)


@dataclass(frozen=True, slots=True)
class PassLine:
    """A pass as the page shows it."""

    given: PassRecord

    @property
    def until(self) -> datetime | None:
        """When it ends; None: it is for good."""
        return datetime.fromtimestamp(self.given.until, tz=UTC) if self.given.until is not None else None


@require_http_methods(["GET", "HEAD", "POST"])
def rules(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the form; save it when that is asked for, and confirmed if it would have refused downloads."""
    repository = rights.repository_to_own(request, slug)
    known = repository.rules
    if request.method == "POST" and "import" in request.FILES:
        return _imported(request, repository)
    form = RulesForm(request.POST or None, known=known, initial=initial_of(known))
    rehearsal: Rehearsal | None = None
    if request.method == "POST" and form.is_valid():
        wanted = form.rules()
        rehearsal = _rehearse(repository, wanted)
        seen = form.cleaned_data["confirm"] or not rehearsal.found.refused or wanted == known
        if "check" not in request.POST and seen:
            policies.save_rules(slug, wanted, actor=rights.actor_of(request))
            messages.success(request, f"The rules of {slug} are saved.")
            return redirect("repository-rules", slug)
    return _page(request, repository, form, rehearsal)


@require_safe
def export(request: HttpRequest, slug: str) -> HttpResponse:
    """The rules as JSON, to be imported elsewhere."""
    repository = rights.repository_to_own(request, slug)
    response = HttpResponse(f"{json.dumps(repository.rules.told(), indent=2)}\n", "application/json")
    response["Content-Disposition"] = f'attachment; filename="rules-{slug}.json"'
    return response


@require_POST
def give_pass(request: HttpRequest, slug: str) -> HttpResponse:
    """Let one version through."""
    repository = rights.repository_to_own(request, slug)
    form = PassForm(request.POST)
    if not form.is_valid():
        sentence = next(iter(form.errors.values()))[0]
        messages.error(request, f"Nothing was let through: {sentence}")
        return _back(request, slug)
    given = form.cleaned_data

    def give() -> str:
        policies.let_through(
            repository.slug,
            given["project"],
            given["version"].strip(),
            until=given["until"],
            reason=given["reason"],
            now=time.time(),
            actor=rights.actor_of(request),
        )
        return f"{given['project']} {given['version']} is let through."

    return _done(request, slug, give)


@require_POST
def approve(request: HttpRequest, slug: str) -> HttpResponse:
    """Approve a name that nobody here has used."""
    rights.repository_to_own(request, slug)
    name, reason = request.POST.get("project", ""), request.POST.get("reason", "")

    def give() -> str:
        actor = rights.actor_of(request)
        policies.approve(slug, name, rule=FirstSeen.name, reason=reason, actor=actor)
        return f"{name} is approved."

    return _done(request, slug, give)


@require_POST
def end_pass(request: HttpRequest, slug: str) -> HttpResponse:
    """End a pass, or take an approval back."""
    rights.repository_to_own(request, slug)
    name, version, rule = (request.POST.get(key, "") for key in ("project", "version", "rule"))

    def end() -> str:
        policies.end_pass(slug, name, version, rule=rule, actor=rights.actor_of(request))
        return f"The pass for {name} {version} has ended." if version else f"{name} is approved no more."

    return _done(request, slug, end)


def _page(
    request: HttpRequest, repository: RepositoryRecord, form: RulesForm, rehearsal: Rehearsal | None
) -> HttpResponse:
    context = {
        "repository": repository,
        "form": form,
        "rehearsal": rehearsal,
        "passes": [PassLine(one) for one in policies.passes(repository.id, now=time.time())],
        "pass_form": PassForm(),
    }
    return render(request, "web/repositories/rules.html", context)


def _imported(request: HttpRequest, repository: RepositoryRecord) -> HttpResponse:
    """Fill the form with what was exported; it is saved when somebody has looked at it."""
    try:
        wanted = _read(request)
    except BadInput as error:
        messages.error(request, error.sentence)
        return redirect("repository-rules", repository.slug)
    form = RulesForm(known=wanted, initial=initial_of(wanted))
    messages.warning(request, "This is what the file says. It is not saved yet.")
    return _page(request, repository, form, _rehearse(repository, wanted))


def _read(request: HttpRequest) -> Rules:
    given = request.FILES.get("import")
    try:
        return read(json.loads(given.read(_LARGEST_IMPORT) if isinstance(given, UploadedFile) else b""))
    except (ValueError, RecursionError):
        raise BadInput("The file cannot be read as JSON.") from None


def _rehearse(repository: RepositoryRecord, wanted: Rules) -> Rehearsal:
    return Rehearsal(_DAYS, rehearse(repository, wanted, days=_DAYS, now=time.time()))


def _done(request: HttpRequest, slug: str, work: Callable[[], str]) -> HttpResponse:
    try:
        messages.success(request, work())
    except BadInput as error:
        messages.error(request, error.sentence)
    return _back(request, slug)


def _back(request: HttpRequest, slug: str) -> HttpResponse:
    """To the package's page, if it was asked for there."""
    if "package" in request.POST:
        return redirect("project", slug, request.POST.get("project", ""))
    return redirect("repository-rules", slug)
