"""Every bad distribution that we can think of, sent over HTTP: refused with its reason, nothing left."""

from __future__ import annotations

import pytest

from bad_distributions import CORPUS
from distributions import Distribution, sdist, wheel
from localshop.catalog import credentials
from localshop.catalog.models import Blob, File, Project
from threads import in_thread
from upload_form import upload_of

AWAY = "203.0.113.9"


async def test_the_whole_corpus_is_refused_and_the_server_is_none_the_worse(browser, upstream):
    """The sentence tells the uploader what to mend; after all of it the next good upload is taken."""
    row, secret = await in_thread(credentials.create_credential, upload=True)
    auth = (row.access_key, secret)

    async def upload(distribution):
        headers, body = upload_of(distribution)
        return await browser.ask("POST", "/repo/default/", headers=headers, auth=auth, peer=AWAY, body=body)

    wrong = []
    for name, filename, body, slug in CORPUS:
        answer = await upload(Distribution("demo", "1.0", filename, body, b""))
        if answer.status not in {400, 413} or answer.headers["x-localshop-refusal"] != slug:
            wrong.append((name, slug, answer.status, answer.headers.get("x-localshop-refusal")))

    assert wrong == []
    assert await in_thread(lambda: (Project.objects.count(), File.objects.count(), Blob.objects.count())) == (
        0,
        0,
        0,
    )
    assert not [*browser.application._shop.store.scratch.glob("*.part")]
    assert (await upload(wheel("demo", "1.0"))).status == 200


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (sdist("demo", "1.0"), sdist("demo", "1.0.0")),
        (wheel("demo", "1.0"), wheel("demo", "1.0.0")),
    ],
)
async def test_the_same_file_in_another_spelling_is_refused(browser, first, second):
    row, secret = await in_thread(credentials.create_credential, upload=True)
    for distribution, status in ((first, 200), (second, 400), (first, 200)):
        headers, body = upload_of(distribution)
        auth = (row.access_key, secret)
        answer = await browser.ask("POST", "/repo/default/", headers=headers, auth=auth, peer=AWAY, body=body)
        assert answer.status == status, answer.text
