"""What the old localshop had is ours afterwards, or is named: packages, people, networks, credentials."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
from datetime import UTC, datetime

import pytest
from django.contrib.auth.hashers import make_password

from distributions import sdist, wheel
from localshop import config
from localshop.catalog import credentials, people, repositories, teams
from localshop.catalog.models import Event, File, Project, User
from localshop.errors import BadInput
from localshop.storage.opening import open_store
from localshop.takeover import home as homes
from localshop.takeover.settings import read, remarks, translated
from localshop.takeover.take_over import take_over
from old_localshop import CREATED, OldHome
from pages import JSON
from threads import in_thread

NOW = datetime(2026, 11, 25, tzinfo=UTC)


@pytest.fixture
def old(tables, tmp_path):
    """A home of 0.9 or older."""
    return OldHome(tmp_path / "home")


@pytest.fixture
def modern(tables, tmp_path):
    """A home of 2.0, with the repository that it made itself."""
    home = OldHome(tmp_path / "home", modern=True)
    home.add("packages_repository", slug="default", name="Default", upstream_pypi_url="")
    return home


def taken_over(old, **changes):
    """Take a home over into the tables of this process, and give the report."""
    homes.set_aside(old.home)
    changed = dataclasses.replace(config.current(), home=old.home, **changes)
    return take_over(changed, open_store(), now=NOW, tell=lambda *_: None).report


def why(report):
    """What was not taken over, and why."""
    return {one.what: one.why for one in report.left}


def files():
    return sorted(File.objects.values_list("filename", flat=True))


async def test_private_packages_come_with_their_files(browser_of, old):
    """A team's own releases install on the day after as on the day before, at the same URL."""
    package = old.package("Foo.Bar")
    held = [
        wheel("Foo.Bar", "1.0", requires_python=">=3.8"),
        sdist("Foo.Bar", "1.0"),
        wheel("Foo.Bar", "2.0"),
    ]
    for one in held:
        old.file(package, one)
    old.package("nothing-yet")
    old.add("permissions_cidr", cidr="127.0.0.0/8", require_credentials=0)
    report = await in_thread(taken_over, old)
    assert (report.private_projects, report.private_files, report.left) == (2, 3, [])
    async with browser_of() as browser:
        page = (await browser.get("/simple/foo-bar/", headers=JSON)).json()
        shown = {one["filename"]: one for one in page["files"]}
        assert shown.keys() == {one.filename for one in held}
        for one in held:
            told = shown[one.filename]
            assert told["hashes"]["sha256"] == one.sha256
            assert told["upload-time"] == "2014-05-06T07:08:09.123456Z"
            assert (await browser.get(told["url"])).body == one.body
        assert shown[held[0].filename]["requires-python"] == ">=3.8"
        metadata = await browser.get(f"{shown[held[0].filename]['url']}.metadata")
        assert metadata.body == held[0].metadata
        # A private name is ours before its first file; nobody upstream gets to hear of it.
        empty = await browser.get("/simple/nothing-yet/", headers=JSON)
        assert (empty.status, empty.json()["files"]) == (200, [])
        listed = (await browser.get("/simple/", headers=JSON)).json()["projects"]
        assert [one["name"] for one in listed] == ["foo-bar"]


@pytest.fixture
def browser_of():
    from asgi_client import Browser
    from localshop.asgi import FrontDoor

    return lambda: Browser(FrontDoor())


async def test_old_lines_of_pip_conf_go_on_working(browser_of, old):
    """Nobody has to touch a hundred build machines: keys hold as they were, with dashes or without."""
    old.user("ann")
    access, secret = old.credential(creator_id=1, comment="build")
    gone, gone_secret = old.credential(creator_id=1, deactivated=CREATED)
    old.credential(creator_id=99)
    old.add("permissions_credential", access_key="no uuid", secret_key="x", creator_id=1)
    old.add("permissions_cidr", cidr="0.0.0.0/0")
    report = await in_thread(taken_over, old)
    assert report.credentials == 2
    assert sorted(one.why for one in report.left) == [
        "its keys are not those of a credential.",
        "whose it was, or for which repository, is not there any more.",
    ]
    dashed = [f"{one[:8]}-{one[8:12]}-{one[12:16]}-{one[16:20]}-{one[20:]}" for one in (access, secret)]
    async with browser_of() as browser:
        for pair in ((access, secret), dashed, (access.upper(), secret.upper()), (dashed[0], secret)):
            assert (await browser.get("/simple/", auth=pair, peer="10.1.2.3")).status == 200, pair
        for pair in ((access, access), (secret, secret), (gone, gone_secret), (access, secret[:-1] + "x")):
            assert (await browser.get("/simple/", auth=pair, peer="10.1.2.3")).status == 401, pair
    (one, other) = await in_thread(credentials.every_credential)
    assert (one.access_key, one.user, one.comment, one.upload) == (access, "ann", "build", True)
    assert not other.enabled
    assert secret not in str(await in_thread(lambda: list(User.objects.values())))


def test_people_log_in_with_their_passwords(old):
    """Nobody has to ask for a new password; the old, weak hash is gone with the first login."""
    old.user("ann", f"sha1$abc$1{hashlib.sha1(b'abcsecret').hexdigest()[1:]}")
    old.user(
        "ben", f"sha1$abc${hashlib.sha1(b'abcsecret').hexdigest()}", is_superuser=1, email="b@example.com"
    )
    old.user("cid", make_password("secret", hasher="pbkdf2_sha256"), first_name="Cid", is_active=0)
    old.user("dot", make_password("secret", hasher="pbkdf2_sha256"))
    old.user("eve", "crypt$$ab1234")
    old.user("no name!", "x")
    report = taken_over(old)
    assert report.users == 5
    assert list(why(report)) == ["user 'no name!'"]
    assert any("eve" in one for one in report.remarks)
    assert people.verify_password("ann", "secret") is None
    assert people.verify_password("ben", "secret").administrator
    assert people.verify_password("cid", "secret") is None
    assert people.verify_password("dot", "secret").username == "dot"
    assert people.verify_password("eve", "") is None
    passwords = dict(User.objects.values_list("username", "password"))
    assert passwords["ben"].startswith("argon2$")
    assert passwords["dot"].startswith("argon2$")
    assert people.verify_password("ben", "secret")
    assert User.objects.get(username="ben").email == "b@example.com"
    assert User.objects.get(username="cid").date_joined.year == 2014


def test_every_user_may_upload_as_before(old):
    """In the old one whoever could log in could upload; with us that is a role."""
    old.user("ann")
    taken_over(old)
    (team,) = teams.every_team()
    assert (team.members, dict(team.roles)) == (("ann",), {"default": "developer"})


def test_networks_hold_as_before_and_nothing_is_opened(old):
    """Who could not come in still cannot; uploads without credentials are not opened in silence."""
    old.add("permissions_cidr", cidr="10.0.0.5/8", label="office")
    old.add("permissions_cidr", cidr="192.168.1.0/24", require_credentials=0)
    old.add("permissions_cidr", cidr="10.0.0.0/8", require_credentials=0)
    old.add("permissions_cidr", cidr="everybody")
    report = taken_over(old)
    rules = {
        str(one.network): (one.credentials, one.upload) for one in repositories.repository("default").networks
    }
    assert rules == {"10.0.0.0/8": (True, True), "192.168.1.0/24": (False, False)}
    assert list(why(report)) == ["network 'everybody' of repository 'default'"]
    assert any("192.168.1.0/24" in one for one in report.remarks)


async def test_mirrored_files_are_kept(browser_of, old, upstream):
    """What was fetched in ten years is not fetched again; it is ours only if its bytes are right."""
    held = upstream.add(wheel("Six", "1.0"))
    more = upstream.add(wheel("Six", "3.0"))
    rotten, unknown = wheel("Six", "1.1"), wheel("Six", "1.2")
    package = old.package("six", local=False)
    old.file(package, held.distribution, url="https://example.com/six#md5=1")
    old.file(package, rotten, md5_digest="0" * 32)
    old.file(package, unknown, md5_digest="")
    old.file(package, wheel("Six", "2.0"), there=False)
    old.add("permissions_cidr", cidr="127.0.0.0/8", require_credentials=0)
    report = await in_thread(taken_over, old, upstream_url=upstream.url)
    assert report.mirrored_files == 1
    assert {one.what: "MD5" in one.why or "digest" in one.why for one in report.left} == {
        f"default: {rotten.filename}": True,
        f"default: {unknown.filename}": True,
    }
    project = await in_thread(Project.objects.get)
    assert project.kind == Project.Kind.MIRRORED
    async with browser_of() as browser:
        page = (await browser.get("/simple/six/", headers=JSON)).json()
        shown = {one["filename"]: one["url"] for one in page["files"]}
        assert shown.keys() == {held.distribution.filename, more.distribution.filename}
        asked = upstream.count("/packages/*")
        answer = await browser.get(shown[held.distribution.filename])
        assert (answer.status, answer.body) == (200, held.distribution.body)
        assert upstream.count("/packages/*") == asked, "It came from here."


def test_a_private_file_is_never_lost_silently(old, tmp_path):
    """What today's checks refuse comes along with a warning if its bytes are right; the rest is named."""
    package = old.package("demo")
    strange = dataclasses.replace(sdist("demo", "0.1"), body=b"\x1f\x8b no archive of today")
    egg = dataclasses.replace(wheel("demo", "0.2"), filename="demo-0.2-py2.7.egg")
    lost, rotten, outside, bare = (sdist("demo", version) for version in ("0.3", "0.4", "0.5", "0.6"))
    old.file(package, strange)
    old.file(package, egg, filetype="bdist_egg")
    old.file(package, lost, there=False)
    old.file(package, rotten, md5_digest="0" * 32)
    (tmp_path / "outside.tar.gz").write_bytes(outside.body)
    old.file(package, outside, there=False, distribution="../../outside.tar.gz")
    old.file(
        package, outside, there=False, distribution=str(tmp_path / "outside.tar.gz"), filename="demo-0.5.zip"
    )
    old.file(package, bare, md5_digest="", filename=None)
    old.add("packages_releasefile", release_id=99, distribution="x")
    report = taken_over(old)
    assert files() == sorted([strange.filename, bare.filename])
    assert File.objects.get(filename=strange.filename).blob.size == len(strange.body)
    assert sum("refused today" in one for one in report.remarks) == 1
    told = why(report)
    assert told.keys() == {
        *(f"default: {one.filename}" for one in (egg, lost, rotten, outside)),
        "default: demo-0.5.zip",
        "1 rows of files",
    }
    assert "not there" in told[f"default: {outside.filename}"]
    assert "damaged" in told[f"default: {rotten.filename}"]


def test_names_that_are_one_name_today(old):
    """Foo.Bar and foo-bar were two packages and are one; the private one wins, and files do not mix."""
    one, other = old.package("Foo.Bar"), old.package("foo-bar")
    mirrored = old.package("foo_bar", local=False)
    same = wheel("Foo.Bar", "1.0")
    old.file(one, same)
    old.file(other, same)
    old.file(other, wheel("foo-bar", "1.0", size=9000))
    old.file(mirrored, wheel("foo_bar", "99.0"))
    old.package("bad name")
    report = taken_over(old)
    assert (report.private_projects, files()) == (1, [same.filename])
    assert File.objects.get().sha256 == same.sha256
    assert sorted(why(report)) == sorted(
        ["package 'bad name'", f"default: {same.filename}", "default: foo_bar-99.0-py3-none-any.whl"]
    )
    assert Project.objects.get().kind == Project.Kind.PRIVATE


def test_repositories_teams_and_machines_of_2_0(modern):
    """Each repository keeps its upstream, networks, credentials and roles."""
    modern.add(
        "packages_repository", slug="My_Repo", name="Mine", upstream_pypi_url="https://idx.example.com/x"
    )
    modern.add("packages_repository", slug="own", name="", enable_auto_mirroring=0, upstream_pypi_url="")
    modern.add("packages_repository", slug="odd", name="", upstream_pypi_url="ftp://x/")
    for name in ("ann", "ben", "cid"):
        modern.user(name)
    modern.add("accounts_team", name="makers")
    modern.add("accounts_teammember", team_id=1, user_id=1, role="owner")
    modern.add("accounts_teammember", team_id=1, user_id=2, role="developer")
    modern.add("accounts_teammember", team_id=1, user_id=77, role="developer")
    modern.add("accounts_team", name="makers")
    modern.add("accounts_teammember", team_id=2, user_id=3, role="owner")
    modern.add("packages_repository_teams", repository_id=2, team_id=1)
    modern.add("packages_repository_teams", repository_id=88, team_id=1)
    machine, _ = modern.credential(repository_id=2, allow_upload=0)
    personal = "0123456789abcdef0123456789abcdef"
    modern.add("accounts_accesskey", access_key=personal, secret_key="f" * 32, user_id=1, last_usage=CREATED)
    modern.add("accounts_accesskey", access_key="a" * 32, secret_key="f" * 32, user_id=1)
    modern.add("permissions_cidr", cidr="10.0.0.0/8", repository_id=2)
    modern.add("permissions_cidr", cidr="10.0.0.0/8", repository_id=88)
    package = modern.package("demo", repository_id=2)
    modern.file(package, wheel("demo", "1.0"), slug="My_Repo", requires_python=">=3")
    modern.package("lost", repository_id=88)
    report = taken_over(modern)
    found = {one.slug: [source.url for source in one.upstreams] for one in repositories.every_repository()}
    default = config.current().upstream_url
    assert found == {"default": [default], "my-repo": ["https://idx.example.com/x/"], "own": [], "odd": []}
    assert {one.name: (one.members, dict(one.roles)) for one in teams.every_team()} == {
        "makers": (("ben",), {"my-repo": "developer"}),
        "makers (owners)": (("ann",), {"my-repo": "owner"}),
        "makers 2": (("cid",), {}),
    }
    by_key = {one.access_key: one for one in credentials.every_credential()}
    assert by_key.keys() == {machine, personal}
    assert (by_key[machine].repositories, by_key[machine].upload, by_key[machine].user) == (
        ("my-repo",),
        False,
        None,
    )
    assert (by_key[personal].repositories, by_key[personal].user) == (None, "ann")
    assert by_key[personal].last_used.year == 2014
    assert File.objects.get().repository.slug == "my-repo"
    assert sorted(why(report)) == [
        "credential " + "a" * 32,
        "network '10.0.0.0/8'",
        "package 'lost'",
        "the upstream of repository 'odd'",
    ]
    assert any("'My_Repo' is now 'my-repo'" in one for one in report.remarks)


def test_again_is_harmless_and_nothing_old_is_changed(old):
    """It can be run twice, and cut at any point; what was there is there still, to the last byte."""
    old.user("ann")
    old.credential(creator_id=1)
    package = old.package("demo")
    for version in ("1.0", "2.0"):
        old.file(package, wheel("demo", version))
    old.file(package, wheel("demo", "3.0"), there=False)
    before = old.state()
    first = taken_over(old)
    events = Event.objects.count()
    (old.home / "old-localshop" / "unfinished").touch()
    (old.home / "old-localshop" / "report.txt").unlink()
    again = taken_over(old)
    assert again.shape() == first.shape()
    assert (files(), Event.objects.count()) == (sorted(files()), events)
    moved = ("localshop.conf.py", "files/")
    kept = {f"old-localshop/{name}" if name.startswith(moved) else name: before[name] for name in before}
    after = old.state()
    assert {name: after.get(name) for name in kept} == kept
    assert not homes.is_old(old.home)


def test_a_database_that_is_in_use_is_not_mixed_with_an_old_home(old, repository):
    """Somebody who names the wrong database does not get a second company's packages into it."""
    homes.set_aside(old.home)
    with pytest.raises(BadInput, match="has a localshop already"):
        taken_over(old)
    assert repositories.repository("default").id == repository.id


def test_it_says_what_became_of_each_setting(tmp_path):
    """A setting that changed its meaning is told of, not dropped in silence."""
    path = tmp_path / "localshop.conf.py"
    path.write_text(
        "SECRET_KEY = 'x'\nALLOWED_HOSTS = ['shop.example.com']\n"
        "LOCALSHOP_DELETE_FILES = True\nLOCALSHOP_ISOLATED = True\nLOCALSHOP_RELEASE_OVERWRITE = True\n"
        "LOCALSHOP_HTTP_PROXY = {'http': 'http://a:1', 'https': 'http://b:2'}\n"
        "LOCALSHOP_USE_PROXIED_IP = True\nLOCALSHOP_VERSIONING_TYPE = 'x.y'\n"
        "LOCALSHOP_DISTRIBUTION_STORAGE = 'storages.backends.s3boto.S3BotoStorage'\n"
        "AWS_STORAGE_BUCKET_NAME = 'b'\nBROKER_URL = 'redis://localhost/0'\n"
    )
    settings = read(path)
    path.write_text(translated(settings))
    found = config.load(tmp_path, environ={})
    assert (found.delete_files, found.release_overwrite) == (True, True)
    assert found.http_proxy == "http://b:2"
    assert [str(one) for one in found.trusted_proxies] == ["127.0.0.1/32", "::1/128"]
    assert found.allowed_hosts == ("shop.example.com",)
    assert found.distribution_storage == "storages.backends.s3.S3Storage"
    assert found.broker_url == "redis://localhost/0"
    assert found.library_settings["AWS_STORAGE_BUCKET_NAME"] == "b"
    told = " ".join(remarks(settings))
    for name in ("ISOLATED", "USE_PROXIED_IP", "HTTP_PROXY", "VERSIONING_TYPE", "S3Storage"):
        assert name in told


@pytest.mark.parametrize(
    ("conf", "said"),
    [
        ("print 'hello'\n", "SyntaxError"),
        ("import djcelery\n", "djcelery"),
        ("raise SystemExit\n", "SystemExit"),
    ],
)
def test_old_settings_that_do_not_run_any_more(tmp_path, conf, said):
    """Settings for Python 2 stop nothing; it is told that none of them holds."""
    path = tmp_path / "localshop.conf.py"
    path.write_text(conf)
    assert said in " ".join(remarks(read(path)))
    path.write_text(translated(read(path)))
    assert config.load(tmp_path, environ={}).broker_url == ""


def test_isolated_means_that_no_client_is_sent_elsewhere(tables, tmp_path):
    """A network without a way out goes on working."""
    old = OldHome(tmp_path / "home", conf="LOCALSHOP_ISOLATED = True\nLOCALSHOP_RELEASE_OVERWRITE = True\n")
    taken_over(old)
    found = repositories.repository("default")
    assert (found.miss, found.overwrite) == ("stream", True)


def test_a_database_elsewhere_is_told(tmp_path):
    """Tables in PostgreSQL are not taken over, and nothing is touched before that is said."""
    old = OldHome(
        tmp_path / "home",
        conf="DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql_psycopg2', 'NAME': 'x'}}\n",
    )
    before = old.state()
    with pytest.raises(BadInput, match=r"psycopg2.*SQLite"):
        homes.set_aside(old.home)
    assert {name: body for name, body in old.state().items() if name != "init.lock"} == before


def test_a_database_under_another_name_is_found(tables, tmp_path):
    """Settings could name any file."""
    conf = "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'shop.sqlite'}}\n"
    old = OldHome(tmp_path / "home", conf=conf)
    old.user("ann")
    old.database.rename(old.home / "shop.sqlite")
    assert homes.is_old(old.home)
    assert taken_over(old).users == 1


def test_ours_is_no_old_home(tmp_path):
    """A new home, an empty one and somebody else's database are left alone."""
    assert not homes.is_old(tmp_path / "nothing")
    assert not homes.is_old(tmp_path)
    (tmp_path / "localshop.db").write_bytes(b"no database")
    assert not homes.is_old(tmp_path)
    old = OldHome(tmp_path / "home")
    (old.home / "localshop.sqlite3").write_bytes(b"")
    assert not homes.is_old(old.home)


def test_the_secret_is_kept_as_a_digest(old):
    """The old database had secrets in clear; ours has not."""
    old.user("ann")
    _, secret = old.credential(creator_id=1)
    taken_over(old)
    assert credentials.find_credential(secret_sha256=credentials.digest_of(secret)) is not None
    assert base64.b64encode(secret.encode()).decode() not in str(credentials.every_credential())
