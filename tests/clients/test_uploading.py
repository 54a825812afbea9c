"""Real clients publish a release: what comes of it, and what a person sees who is refused."""

from __future__ import annotations

import base64
import json
import re
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from distributions import sdist, wheel
from publishers import Flit, Hatch, Pdm, Poetry, Twine, Uv
from upload_form import upload_of

PUBLISHERS = {one.name: one for one in (Twine, Uv, Poetry, Pdm, Hatch, Flit)}
JSON = "application/vnd.pypi.simple.v1+json"
STATUS = re.compile("Client error '40[03] ")
"""What pdm shows, whatever it is told: its cache loses the status line."""
PASSWORD = "f8Kq-3vTz.pWx_7mB~Y"
RECORDED = Path(__file__).with_name("setup_py_upload.form")
"""What ``setup.py sdist upload`` of Python 3.11's distutils sends for Acme.Old-Tool 1.0."""
BOUNDARY = "--------------GHSKFJDLGDS7543FJKLFHRE75642756743254"


@pytest.fixture(params=PUBLISHERS)
def publisher(request, tmp_path):
    """Every client that publishes, one after the other."""
    return PUBLISHERS[request.param](tmp_path / "publisher")


@pytest.fixture
def twine(tmp_path):
    return Twine(tmp_path / "twine")


@pytest.fixture
def uv_publish(tmp_path):
    return Uv(tmp_path / "uv-publish")


@pytest.fixture(scope="module")
def pair(_house):
    """The keys of a machine that may upload."""
    made = _house.localshop("credential", "create", "--upload")
    return made["access_key"], made["secret_key"]


@pytest.fixture(scope="module")
def person(_house):
    """A person who may upload: name and password."""
    _house.localshop("user", "create", "publisher", "--administrator", "--password", PASSWORD)
    return "publisher", PASSWORD


def release(name, version="1.0", **more):
    return wheel(name, version, **more), sdist(name, version, **more)


def ask(url, *, headers=None, body=None):
    """One request on a connection of its own, so that any of the web processes may answer."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url, body, headers or {}), timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def page(house, name):
    """The files of a project, by name."""
    status, body = ask(f"{house.index()}{name}/", headers={"Accept": JSON})
    return {each["filename"]: each for each in json.loads(body)["files"]} if status == 200 else {}


def post(house, pair, headers, body):
    token = base64.b64encode(":".join(pair).encode()).decode()
    return ask(house.index(), headers={**headers, "Authorization": f"Basic {token}"}, body=body)


def posts(house):
    return [each.status for each in house.recorder.seen() if each.method == "POST"]


def shown(ended):
    """What stands on the screen, however it is coloured and broken into lines."""
    return " ".join(re.sub(r"\x1b\[[0-9;]*m", "", ended.out + ended.err).split())


def test_a_release_is_published_and_is_there_for_everybody(house, pair, name, publisher, uv):
    """Its first upload makes the name private: an upstream with version 99 of it changes nothing."""
    house.upstream.add(wheel(name, "99.0"))
    publisher.holds(*release(name))

    ended = publisher.publish(house.index(), *pair)

    assert (ended.code, posts(house)) == (0, [200, 200]), ended
    held = {file.name: file.read_bytes() for file in publisher.files}
    there = page(house, name)
    assert set(there) == set(held)
    for filename, body in held.items():
        assert ask(f"{house.recorder.url}{there[filename]['url']}") == (200, body)
    ended = uv.install(house.index(), name)
    assert (ended.code, uv.installed) == (0, {name: "1.0"}), ended
    # hatch looks for a page before it publishes, and then the name is nobody's yet.
    assert len(house.asked_upstream(name)) == (publisher.name == "hatch")


def test_publishing_the_same_again_is_no_failure(house, pair, name, publisher):
    """A pipeline that was cut off is run again as a whole."""
    publisher.holds(*release(name))
    publisher.publish(house.index(), *pair)
    before = page(house, name)

    ended = publisher.publish(house.index(), *pair)

    assert ended.code == 0, ended
    # hatch looks first, and sends nothing.
    assert posts(house) == [200, 200] * (1 if publisher.name == "hatch" else 2)
    assert page(house, name) == before


@pytest.mark.parametrize("publisher", [one for one in PUBLISHERS if one != "hatch"], indirect=True)
def test_other_bytes_under_a_published_name_are_refused_and_the_person_is_told(house, pair, name, publisher):
    publisher.holds(*release(name))
    publisher.publish(house.index(), *pair)
    before = page(house, name)
    publisher.holds(*release(name, size=900))

    ended = publisher.publish(house.index(), *pair)

    assert ended.code != 0
    sentence = re.compile(
        r"File already exists: \S+1\.0\S+ is here with other bytes\. Give it a new version\."
    )
    assert (sentence.search if publisher.name != "pdm" else STATUS.search)(shown(ended)), ended
    assert page(house, name) == before


def test_what_the_server_refuses_stands_on_the_screen(house, pair, name, publisher, twine):
    """Not a mere number: whoever is refused knows what to do, whichever client he has.

    twine and hatch show no more of an answer than its status line, flit only of a 400, and pdm nothing
    but the number.
    """
    twine.holds(*release(name))
    twine.publish(house.index(), *pair)
    house.localshop("project", "status", "default", name, "archived", "--reason", "Done.")
    publisher.holds(*release(name, "2.0"))

    ended = publisher.publish(house.index(), *pair)

    assert ended.code != 0
    sentence = re.compile(f"{name} is archived, so nothing is uploaded to it.")
    assert (sentence.search if publisher.name != "pdm" else STATUS.search)(shown(ended)), ended
    assert len(page(house, name)) == 2


def test_wrong_credentials_publish_nothing(house, pair, name, publisher):
    publisher.holds(*release(name))
    ended = publisher.publish(house.index(), pair[0], "lsp_wrong")
    assert ended.code != 0
    assert "401" in shown(ended)
    assert page(house, name) == {}
    house.upstream.add(wheel(name, "1.0"))
    assert posts(house) == [401]


def test_a_credential_that_may_only_read_publishes_nothing(house, name, twine):
    made = house.localshop("credential", "create", "--repository", "default")
    twine.holds(*release(name))
    ended = twine.publish(house.index(), made["access_key"], made["secret_key"])
    assert ended.code != 0
    assert "403" in shown(ended)
    assert page(house, name) == {}


@pytest.mark.parametrize("publisher", ["twine", "uv"], indirect=True)
@pytest.mark.parametrize("form", ["pair as token", "secret as token", "person"])
def test_the_forms_of_credentials(house, pair, person, name, publisher, form):
    """Keys of a machine, keys in the shape of a token as for PyPI, and a person's name and password."""
    shapes = {
        "pair as token": ("__token__", ":".join(pair)),
        "secret as token": ("__token__", pair[1]),
        "person": person,
    }
    publisher.holds(*release(name))
    ended = publisher.publish(house.index(), *shapes[form])
    assert (ended.code, posts(house)) == (0, [200, 200]), ended


def test_uv_takes_a_token(house, pair, name, uv_publish):
    uv_publish.holds(*release(name))
    options = ("publish", "--no-config", "--publish-url", house.index(), "--token", ":".join(pair))
    ended = uv_publish.do(*options, *uv_publish.files)
    assert (ended.code, posts(house)) == (0, [200, 200]), ended


def test_the_set_ups_of_the_how_to_work(house, pair, name, publisher):
    """Whoever copies the page on publishing, with his own keys, has published."""
    publisher.holds(*release(name))
    index, (key, secret) = house.index(), pair
    if publisher.name in {"twine", "flit"}:
        (publisher.home / ".pypirc").write_text(
            "[distutils]\nindex-servers =\n    localshop\n\n"
            f"[localshop]\nrepository = {index}\nusername = {key}\npassword = {secret}\n"
        )
    if publisher.name == "uv":
        with (publisher.project / "pyproject.toml").open("a") as file:
            file.write(f'\n[[tool.uv.index]]\nname = "localshop"\nurl = "{index}"\npublish-url = "{index}"\n')
    if publisher.name == "poetry":
        publisher.do("config", "repositories.localshop", index)
        publisher.do("config", "http-basic.localshop", key, secret)

    ended = {
        "twine": lambda: publisher.do("upload", "-r", "localshop", *publisher.files),
        "uv": lambda: publisher.do(
            "publish", "--index", "localshop", UV_PUBLISH_USERNAME=key, UV_PUBLISH_PASSWORD=secret
        ),
        "poetry": lambda: publisher.do("publish", "--repository", "localshop"),
        "hatch": lambda: publisher.do(
            *("publish", "--no-prompt"), HATCH_INDEX_REPO=index, HATCH_INDEX_USER=key, HATCH_INDEX_AUTH=secret
        ),
        "flit": lambda: publisher.do("publish", "--repository", "localshop"),
        "pdm": lambda: publisher.do(
            *("publish", "--no-build"),
            PDM_PUBLISH_REPO=index,
            PDM_PUBLISH_USERNAME=key,
            PDM_PUBLISH_PASSWORD=secret,
        ),
    }[publisher.name]()

    assert (ended.code, posts(house)) == (0, [200, 200]), ended


@pytest.mark.parametrize("skip", ["--skip-existing", "--check-url"])
def test_uv_and_poetry_skip_what_is_there(house, pair, name, tmp_path, skip):
    """A release is completed by publishing all of it again; uv asks the page, poetry reads the answer."""
    publisher = (Uv if skip == "--check-url" else Poetry)(tmp_path / "publisher")
    options = [skip, house.index()] if skip == "--check-url" else [skip]
    first, second = release(name)
    publisher.holds(first)
    assert publisher.publish(house.index(), *pair, *options).code == 0
    publisher.holds(first, second)

    ended = publisher.publish(house.index(), *pair, *options)

    assert ended.code == 0, ended
    assert set(page(house, name)) == {first.filename, second.filename}
    publisher.holds(*release(name, size=900))
    ended = publisher.publish(house.index(), *pair, *options)
    if skip == "--check-url":
        assert ended.code != 0
        assert "Local file and index file do not match" in shown(ended)
    else:
        assert ended.code == 0
    assert page(house, name)[first.filename]["hashes"]["sha256"] == first.sha256


def test_hatch_looks_at_the_page_before_it_sends(house, pair, name, tmp_path):
    """It knows devpi's address for that: ``%2Bsimple`` below the one it uploads to."""
    hatch = Hatch(tmp_path / "hatch")
    hatch.holds(*release(name))
    hatch.publish(house.index(), *pair)
    house.recorder.forget()
    ended = hatch.publish(house.index(), *pair)
    assert shown(ended).count("already exists") == 2
    assert [(each.method, each.path, each.status) for each in house.recorder.seen()] == [
        ("GET", f"/repo/default/%2Bsimple/{name}/", 200)
    ]


def test_what_twine_has_published_every_process_has_at_once(house, pair, name, twine, pip, uv):
    """The next line of a pipeline installs it, through whichever process answers."""
    for version in ("1.0", "2.0", "3.0"):
        twine.holds(*release(name, version))
        # It was looked for before, so every process could remember what it was.
        with ThreadPoolExecutor(16) as clients:
            list(clients.map(lambda _: page(house, name), range(32)))
        assert twine.publish(house.index(), *pair).code == 0
        with ThreadPoolExecutor(16) as clients:
            pages = list(clients.map(lambda _: page(house, name), range(32)))
        assert [each for each in pages if twine.files[0].name not in each] == []
    for client in (pip, uv):
        ended = client.install(house.index(), name)
        assert (ended.code, client.installed) == (0, {name: "3.0"}), ended


def test_every_address_that_people_know_takes_uploads(house, pair, name, twine):
    """With and without a slash, as redirects break an upload; the old name of the index, and PyPI's."""
    paths = ["/simple/", "/simple", "/repo/default", "/repo/default/legacy/", "/repo/default/legacy"]
    for number, path in enumerate(paths, 1):
        twine.holds(wheel(name, f"{number}.0"))
        ended = twine.publish(house.recorder.url + path, *pair)
        assert ended.code == 0, ended
    assert posts(house) == [200] * len(paths)
    assert len(page(house, name)) == len(paths)


def test_an_old_setup_py_can_still_upload(house, pair):
    """With the spelling of the name that was usual, with "UNKNOWN" for what is not known, and with a
    blake2 digest of 512 bits in a field that is named after 256.
    """
    body = RECORDED.read_bytes()
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    assert post(house, pair, headers, body)[0] == 200
    there = page(house, "acme-old-tool")
    assert set(there) == {"Acme.Old-Tool-1.0.tar.gz"}
    status, content = ask(f"{house.recorder.url}{there['Acme.Old-Tool-1.0.tar.gz']['url']}")
    assert status == 200
    assert content in body


def test_a_mirrored_project_takes_no_uploads(house, app, pair, twine, uv):
    """Else whoever may publish here could put a version 99 beside a project of PyPI."""
    assert uv.install(house.index(), app).code == 0
    house.jobs_done()
    before = page(house, app)
    status, body = post(house, pair, *upload_of(wheel(app, "99.0")))
    assert status == 400
    assert f"{app} is mirrored from" in body.decode()
    twine.holds(*release(app, "99.0"))
    assert twine.publish(house.index(), *pair).code != 0
    assert page(house, app) == before
