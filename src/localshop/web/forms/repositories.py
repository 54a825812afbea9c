"""The forms of a repository: its settings, and the question before it is deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms

from localshop.catalog import repositories
from localshop.catalog.records import RepositoryRecord
from localshop.errors import BadInput

_YEAR = 31_536_000


class RepositoryForm(forms.Form):
    """What may be set of a repository. ``changes()`` and ``cleaned_data["upstreams"]`` go to ``catalog``."""

    slug = forms.CharField(
        label="Name in URLs", max_length=100, help_text="Small letters, digits and dashes. It stays as it is."
    )
    upstreams = forms.CharField(
        label="Upstreams",
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "class": "mono"}),
        help_text="The indexes it reads from, one a line, asked in this order; none: our own packages only. "
        "A line may carry credentials: https://user:password@index.example.com/simple/. A password is not "
        "shown again; it is kept as long as its line stays as it is.",
    )
    miss = forms.ChoiceField(
        label="When a file is asked for that is not here",
        widget=forms.RadioSelect,
        choices=[
            ("redirect", "Redirect: send the client to the upstream, and fetch it behind that"),
            ("stream", "Stream: fetch it once, and send it on meanwhile"),
            ("refuse", "Refuse: give nothing that was not fetched before"),
        ],
        initial="redirect",
    )
    fresh = forms.IntegerField(
        label="Fresh for so many seconds",
        min_value=0,
        max_value=_YEAR,
        help_text="For that long, an upstream's page is served without asking again.",
    )
    reserved = forms.CharField(
        label="Reserved names",
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "class": "mono"}),
        help_text="Names that are private before their first upload and are never asked for upstream, one a "
        "line: acme, or acme-* for all that begin so.",
    )
    file_hosts = forms.CharField(
        label="Further file hosts",
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false", "class": "mono"}),
        help_text="Hosts of your network that files may come from, beside the upstreams' own; one a line.",
    )
    overwrite = forms.BooleanField(
        label="An upload may replace a file that is there",
        required=False,
        help_text="Who has installed it before has other bytes then.",
    )
    members_only = forms.BooleanField(
        label="Only for its members",
        required=False,
        help_text="Administrators, and users to whom a team gives a role here. Otherwise for every user.",
    )
    owners_only = forms.BooleanField(
        label="A project stays with its publisher",
        required=False,
        help_text="Only who published it first, and owners, publish to it.",
    )
    strict_record = forms.BooleanField(
        label="Refuse wheels whose RECORD does not fit their content", required=False
    )

    def __init__(self, *args: Any, known: RepositoryRecord | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if known is not None:
            del self.fields["slug"]

    def clean_upstreams(self) -> list[str]:
        """URLs, in order."""
        given = _lines(self.cleaned_data["upstreams"])
        _each(given, repositories.parse_upstream)
        asked = [repositories.parse_upstream(line)[:2] for line in given]
        if len(set(asked)) != len(asked):
            raise forms.ValidationError("One of them stands there twice.")
        return given

    def clean_reserved(self) -> list[str]:
        """Patterns."""
        return _each(_lines(self.cleaned_data["reserved"]), repositories.parse_pattern)

    def clean_file_hosts(self) -> list[str]:
        """Hosts."""
        return _each(_lines(self.cleaned_data["file_hosts"]), repositories.parse_host)

    def changes(self) -> dict[str, object]:
        """All but slug and upstreams; only for a form that is valid."""
        return {name: value for name, value in self.cleaned_data.items() if name not in {"slug", "upstreams"}}


class DeleteForm(forms.Form):
    """Asks for the name of what is going to be deleted."""

    typed = forms.CharField(label="Type its name to go on", max_length=100)

    def __init__(self, *args: Any, slug: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._slug = slug

    def clean_typed(self) -> str:
        """The name, which must be the right one."""
        typed: str = self.cleaned_data["typed"].strip()
        if typed != self._slug:
            raise forms.ValidationError(f"This repository is called {self._slug}.")
        return typed


def initial_of(one: RepositoryRecord) -> dict[str, object]:
    """What the form shows of a repository: of its upstreams no passwords."""
    return {
        "upstreams": "\n".join(repositories.public_url(source) for source in one.upstreams),
        "miss": one.miss,
        "fresh": one.fresh,
        "reserved": "\n".join(one.reserved),
        "file_hosts": "\n".join(one.file_hosts),
        "overwrite": one.overwrite,
        "members_only": one.members_only,
        "owners_only": one.owners_only,
        "strict_record": one.strict_record,
    }


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _each(given: list[str], parse: Callable[[str], Any]) -> list[Any]:
    found, wrong = [], []
    for line in given:
        try:
            found.append(parse(line))
        except BadInput as error:
            wrong.append(error.sentence)
    if wrong:
        raise forms.ValidationError(wrong)
    return found
