"""Numbers for a monitoring system: for those who may see them, right, and without private names."""

from __future__ import annotations

import dataclasses

import pytest
from django.db import OperationalError
from prometheus_client.parser import text_string_to_metric_families

from distributions import wheel
from localshop import config
from localshop.catalog import credentials, health, queue, repositories
from localshop.catalog.models import Job
from localshop.jobs.registry import jobs
from localshop.upstream import measured
from people import AWAY, Person, somebody
from threads import in_thread
from upload_form import upload_of

PAGE = "/-/metrics"


def values(answer):
    """All samples of an answer, by name and labels."""
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name.removeprefix("localshop_"), *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


@pytest.fixture
async def root(browser):
    return await somebody(browser, "root", administrator=True)


@pytest.fixture
async def since(root):
    """What was counted since the beginning of the test."""
    before = values(await root.get(PAGE))

    async def read():
        now = values(await root.get(PAGE))
        return {key: now[key] - before.get(key, 0) for key in now if now[key] != before.get(key, 0)}

    return read


async def test_who_may_see_them(browser, root, monkeypatch):
    alice = await somebody(browser, "alice", default="owner")
    assert (await alice.get(PAGE)).status == 403
    assert (await Person(browser).get(PAGE)).status == 401
    assert (await Person(browser).get(PAGE, Accept="text/html")).status == 302
    # Without a token in the settings, an empty one opens nothing.
    for shown in ("Bearer ", "Bearer", "Bearer x", "Basic eDp5"):
        assert (await Person(browser).get(PAGE, Authorization=shown)).status == 401, shown
    with_token = dataclasses.replace(config.current(), metrics_token="open-sesame")
    monkeypatch.setattr(config, "current", lambda: with_token)
    for shown, status in (
        ("Bearer open-sesame", 200),
        ("bearer open-sesame", 200),
        ("Bearer open-sesam", 401),
        ("Basic open-sesame", 401),
        ("Bearer öpen", 401),
    ):
        answer = await Person(browser).get(PAGE, Authorization=shown)
        assert answer.status == status, shown
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert (await root.get(PAGE)).status == 200


async def test_what_happens_is_counted(browser, upstream, since, monkeypatch):
    # Each test before this one had an upstream of its own.
    monkeypatch.setattr(measured, "_known", set())
    demo = upstream.add(wheel("demo", "1.0"))
    url = f"/repo/default/{demo.distribution.path}"
    shop = browser.application._shop

    for path, status in (
        ("/repo/default/demo/", 200),
        ("/repo/default/demo/", 200),
        ("/repo/default/nothing/", 404),
        (url, 302),
        (f"{url}.metadata", 200),
    ):
        assert (await browser.get(path)).status == status, path
    job = await in_thread(Job.objects.get)
    await jobs(offline=False)[job.name](shop, job.payload)
    assert (await browser.get(url)).status == 200
    assert (await browser.get("/repo/default/", peer=AWAY)).status == 401
    key, secret = await in_thread(lambda: credentials.create_credential(upload=True))
    for version in ("1.0", "not a version"):
        headers, body = upload_of(wheel("acme", "1.0"), version=version)
        auth = (key.access_key, secret)
        await browser.ask("POST", "/repo/default/", headers=headers, auth=auth, body=body)

    found = await since()
    expected = {
        ("requests_total", "200", "page"): 2,
        ("requests_total", "404", "page"): 1,
        ("requests_total", "302", "file"): 1,
        ("requests_total", "200", "file"): 1,
        ("requests_total", "200", "metadata"): 1,
        ("requests_total", "401", "list"): 1,
        ("requests_total", "200", "upload"): 1,
        ("requests_total", "400", "upload"): 1,
        ("pages_total", "built"): 1,
        ("pages_total", "shelf"): 1,
        ("files_total", "elsewhere"): 1,
        ("files_total", "here"): 1,
        ("downloads_total",): 2,
        ("uploads_total",): 1,
        ("refusals_total", "no-such-project"): 1,
        ("refusals_total", "credentials-needed"): 1,
    }
    assert {key: found.get(key) for key in expected} == expected
    assert found["stored_files",] == 2
    asked = [key for key in found if key[0] == "upstream_seconds_count"]
    assert [key[1] for key in asked] == [upstream.url.rpartition("/simple")[0]]
    assert found["upstreams", "up"] == 1


async def test_failures_of_an_upstream_are_counted_by_slug(browser, upstream, since):
    upstream.add(wheel("demo", "1.0"))
    upstream.fault("/simple/*", status=500)
    assert (await browser.get("/repo/default/demo/")).status == 503
    upstream.heal()
    found = await since()
    assert [value for key, value in found.items() if key[0] == "upstream_errors_total"] == [1]
    assert found["refusals_total", "upstream-unavailable"] == 1


async def test_origins_that_pages_invent_are_not_told_apart_without_end(monkeypatch):
    """A page may name a thousand file hosts; each one would be kept for ever."""
    monkeypatch.setattr(measured, "_known", set())
    names = {measured._name_of(("https", f"{number}.example", 443)) for number in range(1000)}
    assert len(names) == 21
    assert measured._name_of(("https", "3.example", 443)) == "https://3.example:443"
    assert measured._name_of(("https", "999.example", 443)) == "other"


async def test_jobs_are_counted_by_name_and_state(root, browser):
    def make():
        queue.enqueue("mirror-file", "a", payload={}, now=100.0)
        queue.enqueue("mirror-file", "b", payload={}, now=200.0)
        queue.enqueue("tidy", "tidy", payload={}, now=200.0, every=3600)
        Job.objects.filter(key="b").update(state="failed")

    await in_thread(make)
    found = values(await root.get(PAGE))
    assert found["jobs", "mirror-file", "waiting"] == 1
    assert found["jobs", "failed", "mirror-file"] == 1
    assert found["jobs_overdue_seconds",] > 1e9
    assert ("jobs", "tidy", "waiting") not in found


async def test_numbers_are_there_while_the_database_is_not(root, monkeypatch):
    def gone():
        raise OperationalError("the server is away")

    monkeypatch.setattr(health, "numbers", gone)
    found = values(await root.get(PAGE))
    assert ("stored_files",) not in found
    assert found["disk_bytes",] > 0


async def test_no_private_name_is_in_them(browser, root):
    """A monitoring system is often open to more people than the packages are."""
    await in_thread(
        lambda: repositories.create_repository("secret-team", upstreams=[], networks=[], changes={})
    )
    key, secret = await in_thread(lambda: credentials.create_credential(upload=True))
    headers, body = upload_of(wheel("secret-project", "1.0"))
    await browser.ask(
        "POST", "/repo/default/", headers=headers, auth=(key.access_key, secret), peer=AWAY, body=body
    )
    await browser.get("/repo/secret-team/secret-project/")
    await browser.get("/repo/default/secret-project/")
    text = (await root.get(PAGE)).text
    for name in ("secret", key.access_key, AWAY, "root"):
        assert name not in text
