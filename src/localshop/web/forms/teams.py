"""Forms for teams: their name, a member, a role in a repository."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms

from localshop.catalog.models import Grant


class NameForm(forms.Form):
    """What a team is called."""

    name = forms.CharField(max_length=100, label="Name", widget=forms.TextInput({"autocomplete": "off"}))


class MemberForm(forms.Form):
    """Who is to belong to a team."""

    username = forms.CharField(
        max_length=150,
        label="User",
        widget=forms.TextInput({"autocomplete": "off", "list": "users", "spellcheck": "false"}),
    )


class RoleForm(forms.Form):
    """What the members of a team may do in a repository."""

    repository = forms.ChoiceField(label="Repository")
    role = forms.ChoiceField(
        label="Role",
        choices=[
            (Grant.Role.READER, "Reader: may download"),
            (Grant.Role.DEVELOPER, "Developer: may upload, too"),
            (Grant.Role.OWNER, "Owner: may change its settings, too"),
        ],
    )

    def __init__(self, *args: Any, repositories: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["repository"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(slug, slug) for slug in repositories]
