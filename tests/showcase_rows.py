"""Fills the home that it is run in with people, teams, rules and keys, as years of use would.

Run as a program of its own, with the environment of that home: see ``showcase``.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

import django

django.setup()

from localshop.catalog import credentials, networks, people, repositories, teams
from localshop.catalog.models import Alarm, Credential, Job, Project, User
from showcase import LONG, PASSWORD


def rows():
    _repositories()
    _people()
    _credentials()


def _repositories():
    changes = {"members_only": True, "reserved": ["acme-*", "northwind"], "miss": "stream"}
    first = networks.FIRST_NETWORKS
    repositories.create_repository("internal", upstreams=[], networks=first, changes=changes)
    upstream = repositories.repository("default").upstreams[0].url
    repositories.create_repository(
        LONG,
        upstreams=[upstream, "https://someone:secret@packages.example.com/a/rather/long/path/simple/"],
        networks=first,
        changes={
            "miss": "refuse",
            "overwrite": True,
            "owners_only": True,
            "file_hosts": ["files.example.com"],
        },
    )
    networks.add_network("default", "10.20.0.0/16", credentials=True, upload=True, label="Office, 2nd floor")
    networks.add_network(
        "default", "2001:db8:85a3::8a2e:370:0/112", credentials=False, upload=False, label="Build servers"
    )


def _people():
    for name in ("grace", "linus", "ada", "gail", "a-colleague-with-a-rather-long-user-name.external"):
        people.create_user(
            name, password=PASSWORD, administrator=name == "grace", email=f"{name}@example.com"
        )
    people.create_user("gone", password=PASSWORD, administrator=False)
    people.set_active("gone", active=False)
    User.objects.filter(username="linus").update(last_login=datetime.now(UTC) - timedelta(hours=5))
    for name, members, roles in (
        ("Platform", ["linus", "ada"], {"default": "owner", "internal": "owner"}),
        ("Data science", ["ada"], {"default": "developer"}),
        ("Contractors", ["a-colleague-with-a-rather-long-user-name.external"], {}),
    ):
        made = teams.create_team(name)
        for member in members:
            teams.add_member(made.id, member)
        for slug, role in roles.items():
            teams.set_role(made.id, slug, role)


def _credentials():
    soon, past = datetime.now(UTC) + timedelta(days=30), datetime.now(UTC) - timedelta(days=1)
    for user, comment, more in (
        ("linus", "my laptop", {"expires": soon}),
        (None, "build servers, all three of them", {"upload": True, "repositories": ["default", "internal"]}),
        ("ada", "notebook of the data science course " * 4, {"repositories": [LONG]}),
        ("gone", "old laptop", {}),
        (None, "trial", {"expires": past}),
    ):
        credentials.create_credential(user=user, comment=comment, **more)
    off, _ = credentials.create_credential(user="linus", comment="lost phone")
    credentials.set_enabled(off.access_key, enabled=False)
    credentials.create_credential(user="linus", comment="CI of the billing service", upload=True)
    used = Credential.objects.get(comment="my laptop").id
    credentials.note_use({used: (datetime.now(UTC).timestamp() - 4000, "2001:db8:85a3::8a2e:370:7334")})


def trouble():
    """A job that has failed for good, and a project that is held back."""
    Job.objects.create(
        name="mirror-file",
        key="mirror-file 999999",
        state="failed",
        attempts=8,
        error="The upstream answers 503 for lost-1.0-py3-none-any.whl.",
    )
    Alarm.objects.create(
        repository="default",
        project="numpy",
        version="1.0.0",
        cause="malicious",
        source="MAL-2026-1",
        sentence="numpy 1.0.0 is malicious: it sends what it finds in the environment to somebody else.",
        at=datetime.now(UTC),
    )
    Project.objects.filter(name="left-pad").update(
        status="quarantined", status_reason="A maintainer's account was taken over."
    )


if __name__ == "__main__":
    {"rows": rows, "trouble": trouble}[sys.argv[1]]()
