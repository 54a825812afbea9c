"""Forms for people: a new user, and a link by mail to a new password."""

from __future__ import annotations

from threading import Thread
from typing import Any

from django import forms
from django.contrib.auth.forms import PasswordResetForm

from localshop.catalog import people


class UserForm(forms.Form):
    """A new user."""

    username = forms.CharField(
        max_length=150, label="User name", widget=forms.TextInput({"autocomplete": "off"})
    )
    email = forms.EmailField(
        required=False, label="Mail address", help_text="Where a link goes when the password is forgotten."
    )
    password = forms.CharField(
        required=False,
        max_length=1000,
        label="Password",
        help_text="Leave it empty, and a random one is made and shown to you once.",
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
    )
    administrator = forms.BooleanField(required=False, label="Administrator: may do everything")

    def clean(self) -> dict[str, Any]:
        """Take no weak password from a person."""
        password = self.cleaned_data.get("password")
        if password and (weakness := people.weakness(self.cleaned_data.get("username", ""), password)):
            self.add_error("password", weakness)
        return self.cleaned_data


class ForgottenForm(PasswordResetForm):
    """Whom a link is sent; the answer is the same whether there is such a person."""

    def send_mail(self, *args: Any, **kwargs: Any) -> None:
        """Send the mail behind the answer, so that the time does not tell who exists."""
        Thread(target=super().send_mail, args=args, kwargs=kwargs, daemon=True).start()
