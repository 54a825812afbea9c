"""OSV's API, answered here: the same answers as OSV's, for whoever may read the index and nobody else."""

from __future__ import annotations

import io
import json

import pytest

from distributions import wheel
from localshop.catalog import credentials, repositories
from localshop.catalog.journal import Actor
from localshop.mirror.advisories import take_in
from osv_records import HIGH, packed, record
from pages import JSON
from people import AWAY
from threads import in_thread

RECORDS = (
    record("PYSEC-2026-1", "Demo", fixed="1.2", vector=HIGH, aliases=["CVE-2026-1"]),
    record("GHSA-aaaa-bbbb-cccc", "demo", introduced="1.1", fixed="1.3"),
    record("MAL-2026-9", "evil"),
)


@pytest.fixture
async def advised(browser):
    await in_thread(take_in, io.BytesIO(packed(*RECORDS)), actor=Actor("test"), now=1_800_000_000.0)
    return browser


async def ask(browser, url, told, **more):
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    return await browser.ask("POST", url, headers=headers, body=body, **more)


def of(name, version=None, ecosystem="PyPI"):
    told = {"package": {"name": name, "ecosystem": ecosystem}}
    return told | ({"version": version} if version else {})


async def test_a_batch_is_answered_in_the_order_of_its_questions(advised):
    """uv matches answers to packages by their places alone."""
    queries = [of("evil", "7"), of("none", "1"), of("DEMO", "1.1"), of("demo", "1.2"), of("demo", "1.3")]

    answer = await ask(advised, "/osv/v1/querybatch", {"queries": queries})

    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    found = [[one["id"] for one in each.get("vulns", ())] for each in answer.json()["results"]]
    both = ["GHSA-aaaa-bbbb-cccc", "PYSEC-2026-1"]
    assert found == [["MAL-2026-9"], [], both, ["GHSA-aaaa-bbbb-cccc"], []]
    assert answer.json()["results"][0]["vulns"][0]["modified"] == "2026-11-20T10:00:00Z"
    assert answer.json()["results"][1] == {}


@pytest.mark.parametrize(
    ("question", "names"),
    [
        (of("demo"), ["GHSA-aaaa-bbbb-cccc", "PYSEC-2026-1"]),
        (of("demo", "1.0"), ["PYSEC-2026-1"]),
        ({"package": {"purl": "pkg:pypi/demo@1.0"}}, ["PYSEC-2026-1"]),
        ({"package": {"purl": "pkg:pypi/demo"}, "version": "1.2"}, ["GHSA-aaaa-bbbb-cccc"]),
        ({"package": {"purl": "pkg:npm/demo@1.0"}}, []),
        (of("demo", "1.0", ecosystem="npm"), []),
        ({"commit": "6879efc2c1596d11a6a6ad296f80063b558d5e0f"}, []),
    ],
)
async def test_one_question_gets_whole_records(advised, question, names):
    """pip-audit reads everything out of this one answer."""
    answer = await ask(advised, "/osv/v1/query", question)

    assert answer.status == 200
    assert [one["id"] for one in answer.json().get("vulns", [])] == names
    if "PYSEC-2026-1" in names:
        assert RECORDS[0] in answer.json()["vulns"]


async def test_an_advisory_is_given_as_osv_wrote_it(advised):
    """Clients read ranges and references out of it that we do not."""
    found = await advised.get("/repo/default/osv/v1/vulns/PYSEC-2026-1")
    missing = await advised.get("/osv/v1/vulns/PYSEC-1")

    assert found.json() == RECORDS[0]
    assert (missing.status, missing.json()["code"]) == (404, 5)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"[" * 50_000,
        {"queries": 1},
        {"queries": [1]},
        {"queries": [{}]},
        {"queries": [of("a")] * 1001},
    ],
)
async def test_what_is_no_question_is_told_so(advised, body):
    """An audit must not pass because its question was not understood."""
    answer = await ask(advised, "/osv/v1/querybatch", body)

    assert (answer.status, answer.json()["code"]) == (400, 3)


async def test_too_large_a_question_is_not_taken_in(advised):
    """Anybody may ask, so nobody may fill the memory."""
    assert (await ask(advised, "/osv/v1/query", b" " * (1 << 20) + b"{}")).status == 413
    assert (await advised.get("/osv/v1/query")).status == 405
    assert (await ask(advised, "/osv/v1/vulns/PYSEC-2026-1", {})).status == 405
    assert (await advised.get("/osv/v1/other")).status == 404


async def test_who_may_read_the_index_may_ask_and_nobody_else(advised):
    """What a company asks about is what it has."""
    question = {"queries": [of("demo", "1.0")]}
    refused = await ask(advised, "/osv/v1/querybatch", question, peer=AWAY)
    assert (refused.status, refused.headers["www-authenticate"][:5]) == (401, "Basic")
    assert (await advised.get("/osv/v1/vulns/PYSEC-2026-1", peer=AWAY)).status == 401

    row, secret = await in_thread(credentials.create_credential)
    allowed = await ask(advised, "/osv/v1/querybatch", question, peer=AWAY, auth=(row.access_key, secret))

    assert allowed.status == 200
    assert (await ask(advised, "/repo/none/osv/v1/query", of("demo"))).status == 404


async def test_a_private_name_has_no_advisories(advised):
    """They are about an attacker's package of that name, and would stop every build."""
    await in_thread(repositories.edit_repository, "default", upstreams=None, changes={"reserved": ["evil*"]})

    assert (await ask(advised, "/osv/v1/query", of("evil", "1"))).json() == {}


async def test_the_legacy_json_tells_of_vulnerabilities(advised, upstream):
    """Scripts read them there, as PyPI has them."""
    for version in ("1.0", "1.2", "2.0"):
        upstream.add(wheel("demo", version))
    await advised.get("/repo/default/demo/", headers=JSON)

    newest = (await advised.get("/repo/default/pypi/demo/json")).json()["vulnerabilities"]
    old = (await advised.get("/repo/default/pypi/demo/1.0/json")).json()["vulnerabilities"]

    assert newest == []
    assert old == [
        {
            "aliases": ["CVE-2026-1"],
            "details": "More of PYSEC-2026-1.",
            "fixed_in": ["1.2"],
            "id": "PYSEC-2026-1",
            "link": "https://osv.dev/vulnerability/PYSEC-2026-1",
            "source": "osv",
            "summary": "What PYSEC-2026-1 says",
            "withdrawn": None,
        }
    ]
