"""The form of a repository's rules: each off, watched or enforced, with what it needs to know."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django import forms
from django.forms import BoundField

from localshop.errors import BadInput
from localshop.policies.advisories import SEVERITIES, Advisories
from localshop.policies.kinds import FILE_KINDS
from localshop.policies.listed import listed
from localshop.policies.reading import moment
from localshop.policies.rules import ALLOW, Rules, read

_OFF = "off"
_MODES = [(_OFF, "Off"), ("watched", "Watched: it only says what it would hide"), ("enforced", "Enforced")]
_SECTIONS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "advisories": ("Malicious releases", ()),
    "vulnerable": ("Known vulnerabilities", ("severity",)),
    "cooldown": ("Cooldown", ("days",)),
    "first-seen": ("Names that nobody here has used", ()),
    "block": ("Block list", ("entries",)),
    "freeze": ("Freeze", ("date",)),
    "yanked": ("Yanked", ()),
    "gone": ("Gone upstream", ()),
    "kinds": ("Kinds of files", ("hide",)),
    "licences": ("Licences", ("allow", "deny", "unknown")),
}
"""The rules in the order of the form, with what each is called and has to be told."""
_ABOUT = {
    "advisories": "Hides what an advisory calls malicious, once there are advisories. On, unless turned off.",
    "vulnerable": "Hides releases with a known vulnerability that is bad enough.",
    "cooldown": "Hides releases until they are some days old, by the upstream's clock.",
    "first-seen": "Holds projects of which nobody here has had a file, until an owner approves the name.",
    "block": "Hides what it names, also of private projects. The allow list lifts what ends in a star.",
    "freeze": "Hides what came after a day.",
    "yanked": "Hides what was withdrawn, also of private projects; else it is only marked.",
    "gone": "Hides what is stored here and was deleted upstream; else it stays, and is marked.",
    "kinds": "Installing an sdist runs what is in it; a wheel is only unpacked.",
    "licences": "By the SPDX expression in a release's metadata, once that is here.",
}


def _text(label: str, **more: Any) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "class": "mono"})
    return forms.CharField(label=label, required=False, widget=widget, **more)


class RulesForm(forms.Form):
    """What may be set of the rules. ``rules()`` reads it; rules that it does not know stay as they are."""

    cooldown_days = forms.IntegerField(label="Days", required=False, min_value=1, max_value=3650)
    vulnerable_severity = forms.ChoiceField(
        label="From this severity on",
        required=False,
        choices=[(word, "any, also unrated ones" if word == "any" else word) for word in SEVERITIES],
    )
    freeze_date = forms.CharField(
        label="The last day that is shown",
        max_length=40,
        required=False,
        help_text="2026-11-21, or with a time, 2026-11-21T10:00:00Z: then what came before it.",
    )
    block_entries = _text(
        "Projects, or versions of them",
        help_text="One a line: evil, urllib3<2, or evil-* for all names that begin so.",
    )
    kinds_hide = forms.MultipleChoiceField(
        label="Hide",
        required=False,
        choices=[(kind, f"{kind}s") for kind in FILE_KINDS],
        widget=forms.CheckboxSelectMultiple,
    )
    licences_allow = _text(
        "Only these licences", help_text="One a line: MIT, Apache-2.0, BSD-*. None: all but those below."
    )
    licences_deny = _text("None of these licences", help_text="One a line: GPL-3.0-only, AGPL-*.")
    licences_unknown = forms.ChoiceField(
        label="What tells no licence that a machine can read",
        required=False,
        choices=[("allow", "is shown"), ("hide", "is hidden")],
        widget=forms.RadioSelect,
        initial="allow",
    )
    allow = _text(
        "Projects, or versions of them, that are shown whatever the rules say",
        help_text="One a line, as on the block list. What that names exactly stays hidden.",
    )
    confirm = forms.BooleanField(label="I have seen what it would have refused: save it", required=False)

    def __init__(self, *args: Any, known: Rules, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._known = known
        self._read: Rules | None = None
        for name, (title, _) in _SECTIONS.items():
            field = forms.ChoiceField(label=title, choices=_MODES, initial=_OFF, help_text=_ABOUT[name])
            self.fields[_field(name, "mode")] = field

    def sections(self) -> Iterator[tuple[str, BoundField, list[BoundField]]]:
        """For the page: the title of each rule, its mode, and its other fields."""
        for name, (title, keys) in _SECTIONS.items():
            yield title, self[_field(name, "mode")], [self[_field(name, key)] for key in keys]

    def clean_freeze_date(self) -> str:
        """A date, if one is given."""
        return _checked(self.cleaned_data["freeze_date"].strip(), moment)

    def clean_block_entries(self) -> list[str]:
        """Entries."""
        return _each(self.cleaned_data["block_entries"])

    def clean_allow(self) -> list[str]:
        """Entries."""
        return _each(self.cleaned_data["allow"])

    def clean(self) -> None:
        """Read the rules, as they would be read from JSON."""
        shape: dict[str, Any] = {**self._known.told()}
        shape = {name: told for name, told in shape.items() if name not in _SECTIONS}
        shape.pop(ALLOW, None)
        for name in _SECTIONS:
            mode = self.cleaned_data.get(_field(name, "mode"), _OFF)
            if name == Advisories.name:
                shape |= _advisories(mode)
            elif mode != _OFF:
                told = self._told(name, mode)
                self._read_one(name, told)
                shape[name] = told
        if self.cleaned_data.get("allow"):
            shape[ALLOW] = {"entries": self.cleaned_data["allow"]}
        if not self.errors:
            self._read = read(shape)

    def rules(self) -> Rules:
        """What was filled in; only for a form that is valid."""
        assert self._read is not None
        return self._read

    def _told(self, name: str, mode: str) -> dict[str, Any]:
        values = {key: self.cleaned_data.get(_field(name, key)) for key in _SECTIONS[name][1]}
        for key in ("allow", "deny"):
            if key in values:
                values[key] = _lines(values[key] or "")
        return {"mode": mode, **{key: value for key, value in values.items() if value is not None}}

    def _read_one(self, name: str, told: Mapping[str, Any]) -> None:
        try:
            read({name: told})
        except BadInput as error:
            field = _field(name, next(iter(_SECTIONS[name][1]), "mode"))
            if field not in self.errors:
                self.add_error(field, error.sentence)


def initial_of(rules: Rules) -> dict[str, object]:
    """What the form shows of rules."""
    shown: dict[str, object] = {_field(Advisories.name, "mode"): "enforced"}
    for name, told in rules.told().items():
        for key, value in told.items():
            text = "\n".join(value) if isinstance(value, list) and key != "hide" else value
            shown["allow" if name == ALLOW else _field(name, key)] = text
    if rules.told().get(Advisories.name, {}).get("malicious") == "show":
        shown[_field(Advisories.name, "mode")] = _OFF
    return shown


def _advisories(mode: str) -> dict[str, Any]:
    """The one rule that is on where nothing is said of it."""
    if mode == "enforced":
        return {}
    return {Advisories.name: {"malicious": "show"} if mode == _OFF else {"mode": mode}}


class PassForm(forms.Form):
    """Lets a version through."""

    project = forms.CharField(label="Package", max_length=200)
    version = forms.CharField(label="Version", max_length=200)
    until = forms.CharField(
        label="Until", max_length=40, help_text="The last day, 2026-11-21, or a time: 2026-11-21T10:00:00Z."
    )
    reason = forms.CharField(label="Why", max_length=500, help_text="It is kept in the journal.")

    def clean_until(self) -> float:
        """The moment at which it ends."""
        try:
            return moment(self.cleaned_data["until"].strip())
        except BadInput as error:
            raise forms.ValidationError(error.sentence) from None


def _field(name: str, key: str) -> str:
    return f"{name.replace('-', '_')}_{key}"


def _checked(text: str, parse: Callable[[str], object]) -> str:
    if text:
        try:
            parse(text)
        except BadInput as error:
            raise forms.ValidationError(error.sentence) from None
    return text


def _each(text: str) -> list[str]:
    return [_checked(line, listed) for line in _lines(text)]


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
