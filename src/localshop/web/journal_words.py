"""The journal in plain words: what an action is called, and what belongs together."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from localshop.catalog.records import EventRecord
from localshop.observe.log import escape

WORDS: Mapping[str, str] = {
    "administrator-changed": "changed who is an administrator",
    "advisories-imported": "took over advisories",
    "alarm-closed": "dealt with an alarm",
    "credential-deleted": "deleted a credential",
    "credential-disabled": "disabled a credential",
    "credential-enabled": "enabled a credential",
    "credential-made": "made a credential",
    "deleted": "deleted a file",
    "digest-changed": "saw other bytes announced upstream",
    "held": "held a release back",
    "login": "logged in",
    "login-failed": "wrong name or password",
    "member-added": "added a member to a team",
    "member-removed": "removed a member from a team",
    "mirrored": "mirrored a file",
    "network-added": "added a network",
    "network-changed": "changed a network",
    "network-removed": "removed a network",
    "pass-changed": "changed a pass",
    "pass-ended": "ended a pass",
    "pass-given": "gave a pass",
    "password-changed": "changed a password",
    "refused": "was refused",
    "repository-changed": "changed a repository",
    "repository-deleted": "deleted a repository",
    "repository-made": "made a repository",
    "repository-refreshed": "had a repository refreshed",
    "role-changed": "changed a role",
    "rules-changed": "changed the rules of a repository",
    "status-set": "set a status",
    "team-deleted": "deleted a team",
    "team-made": "made a team",
    "team-renamed": "renamed a team",
    "turned-private": "turned a package private",
    "unyanked": "took a yank back",
    "unheld": "let a release go again",
    "uploaded": "uploaded a file",
    "user-disabled": "shut a user out",
    "user-enabled": "let a user in again",
    "user-made": "made a user",
    "yanked": "yanked a release",
}
KINDS: Mapping[str, tuple[str, Sequence[str]]] = {
    "packages": (
        "Uploads, yanks and deletions",
        ("uploaded", "yanked", "unyanked", "deleted", "turned-private", "status-set"),
    ),
    "mirrored": ("Mirrored files", ("mirrored",)),
    "changed": ("Files changed upstream", ("digest-changed",)),
    "rules": (
        "Rules, passes and alarms",
        ("rules-changed", "pass-given", "pass-changed", "pass-ended", "held", "unheld", "alarm-closed"),
    ),
    "advisories": ("Advisories", ("advisories-imported",)),
    "settings": (
        "Repositories and networks",
        tuple(one for one in WORDS if one.startswith(("repository-", "network-"))),
    ),
    "rights": (
        "People, teams and credentials",
        (
            *(one for one in WORDS if one.startswith(("user-", "team-", "member-", "credential-"))),
            *("role-changed", "administrator-changed", "password-changed"),
        ),
    ),
    "refused": ("Refusals", ("refused",)),
    "logins": ("Logins", ("login", "login-failed")),
}
"""What one can ask for at once: by the word in the URL, what people read, and the actions."""
_BAD = frozenset({"digest-changed", "login-failed", "refused"})


@dataclass(frozen=True, slots=True)
class Told:
    """A line as it is shown; nothing in it can begin a new line or turn the text around."""

    event: EventRecord
    words: str
    who: str
    subject: str
    bad: bool
    facts: Sequence[tuple[str, str]]


def told(event: EventRecord) -> Told:
    """An event in plain words."""
    return Told(
        event,
        words=WORDS.get(event.action, event.action.replace("-", " ")),
        who=escape(event.who) or ("somebody" if event.action in _BAD else "localshop"),
        subject=escape(event.subject),
        bad=event.action in _BAD,
        facts=[(escape(name), _shown(value)) for name, value in event.detail.items() if _says(value)],
    )


def _says(value: object) -> bool:
    return value is not None and value not in ("", False, [], {})


def _shown(value: object) -> str:
    return escape(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
