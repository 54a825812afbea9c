"""Provenance (PEP 740): shown only when it was verified, and gone the moment that it proves nothing."""

from __future__ import annotations

import json

import pytest

from attestations import attested
from distributions import sdist, wheel
from localshop.catalog import attestations, credentials
from localshop.catalog.models import Attestations, File, Job
from localshop.jobs.tidy import tidy
from localshop.jobs.verify_attestations import verify_attestations
from pages import JSON
from threads import in_thread
from upload_form import upload_of

GITHUB = attested("github")
PUBLIC = "https://packages.example.com"
INTEGRITY = "application/vnd.pypi.integrity.v1+json"


@pytest.fixture
async def uploaded(browser):
    """Upload the sdist that somebody's attestations name; gives the path of its URL."""
    row, secret = await in_thread(credentials.create_credential, upload=True)

    async def upload(sent):
        headers, body = upload_of(sdist("pypi_attestations", "0.0.19"), attestations=sent)
        answer = await browser.ask(
            "POST",
            "/repo/default/",
            headers=headers,
            body=body,
            auth=(row.access_key, secret),
            peer="203.0.113.9",
        )
        assert answer.status == 200, answer.text
        (file,) = (await listed(browser))["files"]
        return file["url"]

    return upload


@pytest.fixture
def verified(browser):
    """Do the job for every file that waits for it, as if its bytes had the digest that was attested."""

    async def verify(*, sha256=GITHUB["sha256"]):
        if sha256:
            await in_thread(lambda: File.objects.update(sha256=sha256))
        for file_id in await in_thread(waiting):
            await verify_attestations(browser.application._shop, {"file": file_id})

    return verify


def waiting():
    return [job.payload["file"] for job in Job.objects.filter(name=attestations.VERIFY)]


async def listed(browser, project="pypi-attestations"):
    return json.loads((await browser.get(f"/repo/default/{project}/", headers=JSON)).body)


async def test_what_was_attested_is_served_once_it_is_verified(browser, uploaded, verified, set_config):
    """And not before: whoever reads it may rely on it."""
    set_config(public_url=PUBLIC)
    url = await uploaded(json.dumps(GITHUB["body"]))
    assert (await browser.get(f"{url}.provenance")).status == 404
    assert "provenance" not in (await listed(browser))["files"][0]

    await verified()

    (file,) = (await listed(browser))["files"]
    assert file["provenance"] == f"{PUBLIC}{url}.provenance"
    answer = await browser.get(f"{url}.provenance", headers={"Accept": INTEGRITY})
    assert (answer.status, answer.headers["content-type"]) == (200, INTEGRITY)
    (bundle,) = json.loads(answer.body)["attestation_bundles"]
    assert bundle["attestations"] == GITHUB["body"]
    assert bundle["publisher"]["repository"] == "trailofbits/pypi-attestations"
    html = (await browser.get("/repo/default/pypi-attestations/", headers={"Accept": "text/html"})).text
    assert f'data-provenance="{PUBLIC}{url}.provenance"' in html


@pytest.mark.parametrize("public_url", ["", "http://packages.example.com"])
async def test_it_is_announced_with_https_only(browser, uploaded, verified, set_config, public_url):
    """Clients refuse another scheme; who knows the URL can have it all the same."""
    set_config(public_url=public_url)
    url = await uploaded(json.dumps(GITHUB["body"]))
    await verified()
    assert "provenance" not in (await listed(browser))["files"][0]
    assert (await browser.get(f"{url}.provenance")).status == 200


async def test_attestations_of_another_file_prove_nothing(browser, uploaded, verified, set_config):
    """Real ones, copied from another release: the file is served, a proof of it is not."""
    set_config(public_url=PUBLIC)
    url = await uploaded(json.dumps(GITHUB["body"]))
    await verified(sha256=None)
    assert (await browser.get(url)).status == 200
    answer = await browser.get(f"{url}.provenance")
    assert (answer.status, answer.headers["x-localshop-refusal"]) == (404, "no-provenance")
    assert "provenance" not in (await listed(browser))["files"][0]
    row = await in_thread(Attestations.objects.get)
    assert (row.state, row.provenance) == ("invalid", None)
    assert "digest" in row.why


@pytest.mark.parametrize(
    ("accept", "status", "content_type"),
    [
        (None, 200, INTEGRITY),
        ("*/*", 200, INTEGRITY),
        ("application/json", 200, "application/json"),
        (f"text/html, {INTEGRITY};q=0.5", 200, INTEGRITY),
        ("text/html", 406, None),
    ],
)
async def test_it_comes_in_the_type_that_is_asked_for(
    browser, uploaded, verified, accept, status, content_type
):
    url = await uploaded(json.dumps(GITHUB["body"]))
    await verified()
    answer = await browser.get(f"{url}.provenance", headers={"Accept": accept} if accept else {})
    assert answer.status == status
    if content_type:
        assert answer.headers["content-type"] == content_type
        assert answer.headers["cache-control"] == "no-cache"
        again = await browser.get(
            f"{url}.provenance", headers={"Accept": accept or "*/*", "If-None-Match": answer.headers["etag"]}
        )
        assert (again.status, again.body) == (304, b"")


async def test_who_may_not_read_is_told_nothing(browser, uploaded, verified):
    url = await uploaded(json.dumps(GITHUB["body"]))
    await verified()
    assert (await browser.ask("GET", f"{url}.provenance", peer="203.0.113.9")).status == 401


@pytest.mark.parametrize(
    "sent", ["[]", "{}", "[" * 100_000, json.dumps([{}] * 11), "[" + " " * 300_000 + "1]"]
)
async def test_what_cannot_be_attestations_is_not_kept(browser, uploaded, sent):
    """And the file is published without: nobody loses a release to them."""
    await uploaded(sent)
    assert not await in_thread(Attestations.objects.exists)


async def test_without_the_extra_they_wait_until_it_is_installed(browser, uploaded, verified, monkeypatch):
    """Who installs it later need not upload again."""
    await uploaded(json.dumps(GITHUB["body"]))
    monkeypatch.setattr("localshop.jobs.verify_attestations.find_spec", lambda _: None)
    await verified()
    await in_thread(Job.objects.all().delete)
    assert (await in_thread(Attestations.objects.get)).state == "waiting"
    monkeypatch.undo()
    await tidy(browser.application._shop, {})
    assert len(await in_thread(waiting)) == 1


async def test_the_provenance_of_a_mirrored_file_is_verified_when_it_comes_home(
    browser, upstream, verified, set_config
):
    """PyPI's word for it is not enough, and ours is as good offline."""
    set_config(public_url=PUBLIC)
    theirs = attested("github-provenance")
    held = upstream.add(sdist("pypi_attestations", "0.0.19"), provenance=json.dumps(theirs["body"]).encode())
    url = f"/repo/default/{held.distribution.path}"
    assert (await browser.get(f"{url}.provenance")).status == 404
    await mirrored(browser, url)
    await verified()
    told = json.loads((await browser.get(f"{url}.provenance")).body)
    assert told["attestation_bundles"][0]["publisher"]["workflow"] == "release.yml"
    assert upstream.count("*.provenance") == 1


@pytest.mark.parametrize("told", [b"garbage", b"{}", b"[" * 100_000])
async def test_a_mirrored_file_is_not_worth_less_for_its_upstream_s_nonsense(
    browser, upstream, verified, told
):
    held = upstream.add(wheel("acme", "1.0"), provenance=told)
    url = f"/repo/default/{held.distribution.path}"
    await mirrored(browser, url)
    await verified(sha256=None)
    assert (await browser.get(f"{url}.provenance")).status == 404
    assert (await browser.get(url)).body == held.body


async def mirrored(browser, url):
    from localshop.jobs.mirror_file import mirror_file

    assert (await browser.get(url)).status == 302
    file_id = await in_thread(lambda: File.objects.get().id)
    await mirror_file(browser.application._shop, {"file": file_id})
