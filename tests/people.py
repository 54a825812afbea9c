"""People for tests of the web interface: made with their roles, logged in, filling in forms."""

from __future__ import annotations

from dataclasses import dataclass
from unittest import mock
from urllib.parse import urlencode

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db.backends.utils import CursorWrapper

from asgi_client import Browser
from localshop.catalog import people, state
from localshop.catalog.models import Grant, Repository, Team, User
from threads import in_thread

AWAY = "203.0.113.9"
"""An address that has to show credentials."""
_TOKEN = "t" * 32


@dataclass(frozen=True)
class Person:
    """Somebody at his browser; ``session`` empty: he has not logged in."""

    browser: Browser
    name: str = ""
    session: str = ""
    peer: str = AWAY

    async def get(self, url, **headers):
        return await self.browser.get(url, headers={"Cookie": self._cookies, **headers}, peer=self.peer)

    async def post(self, url, form=(), **headers):
        """Send a form, with the token that a form of ours has in it."""
        fields = [*dict(form).items(), ("csrfmiddlewaretoken", _TOKEN)]
        body = urlencode(fields, doseq=True).encode()
        sent = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Content-Length": str(len(body)),
            "Cookie": self._cookies,
            **headers,
        }
        return await self.browser.ask("POST", url, headers=sent, body=body, peer=self.peer)

    @property
    def _cookies(self):
        cookies = {"csrftoken": _TOKEN} | ({"localshop_session": self.session} if self.session else {})
        return "; ".join(f"{key}={value}" for key, value in cookies.items())


async def somebody(browser, name, *, administrator=False, peer=AWAY, **roles):
    """A person who is logged in; ``roles`` are by repository, ``default="owner"``."""
    return Person(browser, name, await in_thread(_make, name, administrator, roles), peer)


async def queries_of(person, url):
    """The statements that a page sends to the database, from whichever thread."""
    sent = []
    real = CursorWrapper.execute

    def execute(self, sql, params=None):
        sent.append(sql)
        return real(self, sql, params)

    with mock.patch.object(CursorWrapper, "execute", execute):
        answer = await person.get(url)
    assert answer.status == 200
    return sent


def _make(name, administrator, roles):
    people.create_user(name, password="open sesame please", administrator=administrator)
    user = User.objects.get(username=name)
    for slug, role in roles.items():
        team = Team.objects.create(name=f"{name} as {role} of {slug}")
        team.members.add(user)
        Grant.objects.create(team=team, repository=Repository.objects.get(slug=slug), role=role)
    state.access_changed()
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return session.session_key
