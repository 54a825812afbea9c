"""The journal: every change of rights and settings with what held before and what holds now, no secrets."""

from __future__ import annotations

import json
from ipaddress import ip_network

import pytest

from localshop.catalog import credentials, networks, repositories
from localshop.catalog.journal import Actor
from localshop.catalog.models import Event, Project
from localshop.catalog.records import NetworkRecord
from localshop.errors import BadInput

ANNA = Actor("anna", "203.0.113.9")


@pytest.fixture
def lines(repository):
    """The lines that were written since, oldest first."""

    def read():
        rows = Event.objects.order_by("id")
        assert {(row.who, row.address) for row in rows} <= {(ANNA.who, ANNA.address)}
        return [(row.action, row.repository, row.subject, row.detail) for row in rows]

    return read


def test_a_network_is_told_with_what_held_before(lines):
    networks.add_network("default", "10.0.0.0/8", upload=True, label="office", actor=ANNA)
    networks.add_network("default", "10.0.0.0/8", label="office", actor=ANNA)
    other = NetworkRecord(ip_network("10.1.0.0/16"), credentials=True, upload=False, label="office")
    networks.replace_network("default", "10.0.0.0/8", other, actor=ANNA)
    networks.remove_network("default", "10.1.0.0/16", actor=ANNA)

    with_upload = {"network": "10.0.0.0/8", "credentials": True, "upload": True, "label": "office"}
    without = {**with_upload, "upload": False}
    moved = {**without, "network": "10.1.0.0/16"}
    assert lines() == [
        ("network-added", "default", "10.0.0.0/8", {"before": None, "after": with_upload}),
        ("network-changed", "default", "10.0.0.0/8", {"before": with_upload, "after": without}),
        ("network-changed", "default", "10.1.0.0/16", {"before": without, "after": moved}),
        ("network-removed", "default", "10.1.0.0/16", {"before": moved, "after": None}),
    ]


def test_a_network_does_not_swallow_the_rule_of_another(lines):
    networks.add_network("default", "10.0.0.0/8")
    known = NetworkRecord(ip_network("127.0.0.0/8"), credentials=True, upload=True)
    with pytest.raises(BadInput, match=r"has a rule for 127\.0\.0\.0/8 already"):
        networks.replace_network("default", "10.0.0.0/8", known)
    with pytest.raises(BadInput, match=r"has no rule for 192\.0\.2\.0/24"):
        networks.replace_network("default", "192.0.2.0/24", known)
    assert len(repositories.repository("default").networks) == 5


def test_a_repository_is_told_by_what_changed(lines, upstream):
    secret = upstream.url.replace("://", "://robot:open-sesame@")
    repositories.create_repository("team", upstreams=[secret], networks=(), changes={}, actor=ANNA)
    repositories.edit_repository(
        "team", upstreams=None, changes={"fresh": 60, "miss": "redirect"}, actor=ANNA
    )
    repositories.delete_repository("team", actor=ANNA)

    made, changed, deleted = lines()
    shown = upstream.url.replace("://", "://robot@")
    assert (made[0], made[3]["after"]["upstreams"]) == ("repository-made", [f"{shown} (with a password)"])
    expected = {"before": {"fresh": 600}, "after": {"fresh": 60}}
    assert changed == ("repository-changed", "team", "team", expected)
    assert (deleted[0], deleted[3]["before"]["fresh"]) == ("repository-deleted", 60)
    assert "sesame" not in json.dumps(lines())


def test_the_life_of_a_credential_is_told_without_its_secret(lines):
    made, secret = credentials.create_credential(repositories=["default"], upload=True, actor=ANNA)
    credentials.set_enabled(made.access_key, enabled=False, actor=ANNA)
    credentials.set_enabled(made.access_key, enabled=True, actor=ANNA)
    credentials.delete_credential(made.access_key, actor=ANNA)

    told = lines()
    steps = ["made", "disabled", "enabled", "deleted"]
    assert [line[:3] for line in told] == [(f"credential-{one}", "default", made.access_key) for one in steps]
    assert told[0][3]["upload"] is True
    text = json.dumps(told)
    assert secret not in text
    assert credentials.digest_of(secret) not in text


def test_pages_are_asked_for_again(lines):
    there = repositories.repository("default")
    Project.objects.create(repository_id=there.id, name="demo", fresh_until=9e9)
    assert repositories.ask_again("default", actor=ANNA) == 1
    assert Project.objects.get().fresh_until == 0
    assert lines() == [("repository-refreshed", "default", "default", {"projects": 1})]


def test_code_that_sets_up_writes_no_lines(lines):
    credentials.create_credential()
    networks.add_network("default", "10.0.0.0/8")
    assert lines() == []
