"""The form for a new credential: what it is for, whose it is, how far it reaches, until when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from django import forms

ME = "me"
MACHINE = "machine"


@dataclass(frozen=True, slots=True)
class Reach:
    """What somebody may hand on in a credential: slugs of repositories.

    ``owned``: those for which he may make a machine's. ``everything``: an administrator, who may
    make a machine's that is good everywhere.
    """

    readable: Sequence[str]
    uploadable: Sequence[str]
    owned: Sequence[str]
    everything: bool


class CredentialForm(forms.Form):
    """A credential that never reaches further than whoever makes it."""

    comment = forms.CharField(
        label="What is it for?",
        max_length=200,
        help_text="For people who read the list later: “my laptop”, “build server”.",
    )
    holder = forms.ChoiceField(
        label="Whose is it?",
        widget=forms.RadioSelect,
        initial=ME,
        choices=[
            (ME, "Mine: it ends with my account, and may never do more than I may"),
            (MACHINE, "A machine's: it stays when I go, and may do exactly what is said here"),
        ],
    )
    repositories = forms.MultipleChoiceField(
        label="Repositories",
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text="None chosen: all of them, also those that come later.",
    )
    upload = forms.BooleanField(
        label="May upload, too", required=False, help_text="Otherwise it is good for downloads only."
    )
    expires = forms.DateField(
        label="Good until",
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        input_formats=["%Y-%m-%d"],
        help_text="To the end of that day, in UTC. Empty: until somebody disables it.",
    )

    def __init__(self, *args: Any, reach: Reach, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reach = reach
        chosen = self.fields["repositories"]
        assert isinstance(chosen, forms.MultipleChoiceField)
        chosen.choices = [(slug, slug) for slug in reach.readable]
        if not reach.readable:
            del self.fields["repositories"]
        if not reach.uploadable:
            del self.fields["upload"]
        if not reach.owned and not reach.everything:
            del self.fields["holder"]

    def clean_expires(self) -> datetime | None:
        """The last moment of the day."""
        return end_of(self.cleaned_data["expires"])

    def clean(self) -> dict[str, Any]:
        """Refuse what reaches further than whoever asks for it."""
        given = super().clean() or {}
        slugs = given.get("repositories") or []
        if given.get("holder") == MACHINE and not self._reach.everything:
            others = [slug for slug in slugs if slug not in self._reach.owned]
            if not slugs:
                self.add_error("repositories", "For a machine, choose repositories that you own.")
            elif others:
                self.add_error("repositories", f"You do not own {', '.join(others)}.")
        if given.get("upload"):
            closed = [slug for slug in slugs if slug not in self._reach.uploadable]
            if closed:
                self.add_error("upload", f"You may not upload to {', '.join(closed)} yourself.")
        return given


class FreshCredentialForm(forms.Form):
    """A credential for the set-up card: it is for one repository, and for whoever asks."""

    comment = forms.CharField(
        label="What is it for?", max_length=200, help_text="For the list later: “my laptop”, “build server”."
    )
    upload = forms.BooleanField(label="May upload, too", required=False)
    expires = forms.DateField(
        label="Good until",
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        input_formats=["%Y-%m-%d"],
        help_text="To the end of that day, in UTC. Empty: until somebody disables it.",
    )

    def __init__(self, *args: Any, may_upload: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not may_upload:
            del self.fields["upload"]

    def clean_expires(self) -> datetime | None:
        """The last moment of the day."""
        return end_of(self.cleaned_data["expires"])


def end_of(day: date | None) -> datetime | None:
    """The last moment of a day in UTC; a day that is over is refused."""
    if day is None:
        return None
    if day < datetime.now(UTC).date():
        raise forms.ValidationError("That day is over already.")
    return datetime.combine(day, time.max, tzinfo=UTC)
