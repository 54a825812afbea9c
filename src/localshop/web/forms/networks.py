"""The form for a rule of a network: where from, whether credentials are needed, whether to upload, too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from localshop.catalog.networks import parse_network
from localshop.catalog.records import Address, NetworkRecord
from localshop.errors import BadInput


class NetworkForm(forms.Form):
    """A rule; ``others``: the networks that have one already, ``confirm``: a warning was given."""

    network = forms.CharField(
        label="Network",
        max_length=50,
        help_text="10.0.0.0/8, 2001:db8::/32, or a single address. The smallest network that holds an "
        "address decides for it.",
    )
    credentials = forms.TypedChoiceField(
        label="Who may come in from there?",
        widget=forms.RadioSelect,
        choices=[("yes", "Whoever shows credentials"), ("no", "Everybody, without credentials")],
        coerce=lambda given: given == "yes",
        initial="yes",
    )
    upload = forms.BooleanField(label="They may upload, too", required=False)
    label = forms.CharField(
        label="What network is it?",
        max_length=200,
        required=False,
        help_text="For people: “office”, “build servers”.",
    )
    confirm = forms.BooleanField(label="I have read this: save it all the same", required=False)

    def __init__(self, *args: Any, others: Sequence[Address], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._others = others

    def clean_network(self) -> Address:
        """The network that was typed, unless it has a rule already."""
        try:
            network = parse_network(self.cleaned_data["network"])
        except BadInput as error:
            raise forms.ValidationError(error.sentence) from None
        if network in self._others:
            raise forms.ValidationError(f"There is a rule for {network} already: change that one.")
        return network

    def rule(self) -> NetworkRecord:
        """What was filled in; only for a form that is valid."""
        given = self.cleaned_data
        return NetworkRecord(
            given["network"], credentials=given["credentials"], upload=given["upload"], label=given["label"]
        )
