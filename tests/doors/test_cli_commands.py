"""Every command of the command line, with the JSON that scripts rely on."""

from __future__ import annotations

import base64
import hashlib

import pytest

REPOSITORY = ["slug", "upstreams", "miss", "fresh", "reserved", "overwrite", "members_only"]
CREDENTIAL = ["access_key", "repositories", "upload", "user", "comment", "expires", "enabled", "last_used"]
UPSTREAM = "http://ann:pa55wordmarker@mirror.example.com:8080/simple"


@pytest.fixture
def localshop(initialised):
    """A home that was just set up."""
    return initialised


def holds(localshop, secret):
    """The files, and the database, that have a secret in any form that could be read back."""
    raw = secret.encode()
    forms = (raw, base64.b64encode(raw).rstrip(b"=")[:-2], raw.hex().encode(), raw[::-1])
    held = {path.name: path.read_bytes() for path in localshop.home.rglob("*") if path.is_file()}
    held["the database"] = localshop.database.content()
    return [name for name, content in held.items() if any(form in content for form in forms)]


def test_repositories_are_made_changed_and_deleted(localshop):
    """Every option, and nothing else than what was given changes."""
    made = localshop(
        "repository", "create", "team", "--upstream", UPSTREAM, "--upstream", "https://two.example.com/x/"
    )
    assert list(made) == REPOSITORY
    assert made == {
        "slug": "team",
        "upstreams": ["http://ann@mirror.example.com:8080/simple/", "https://two.example.com/x/"],
        "miss": "redirect",
        "fresh": 600,
        "reserved": [],
        "overwrite": False,
        "members_only": False,
    }
    assert holds(localshop, "pa55wordmarker") == []
    edited = localshop(
        "repository", "edit", "team", "--miss", "stream", "--fresh", "0",
        "--reserve", "Acme_*", "--reserve", "Secret.Tool",
        "--overwrite", "--members-only", "--file-host", "files.example.com", "--file-host", "[::1]:8080",
    )  # fmt: skip
    changed = {
        **made,
        "miss": "stream",
        "fresh": 0,
        "reserved": ["acme-*", "secret-tool"],
        "overwrite": True,
        "members_only": True,
    }
    assert edited == changed
    shown = localshop.good("repository", "show", "team").out
    assert "files.example.com, [::1]:8080" in shown
    assert "pa55wordmarker" not in shown
    edited = localshop(
        "repository", "edit", "team", "--no-overwrite", "--open", "--no-upstream", "--reserve", ""
    )
    assert edited == {**changed, "overwrite": False, "members_only": False, "upstreams": [], "reserved": []}
    both = localshop("repository", "list")
    assert both == [localshop("repository", "show", "default"), edited]
    assert localshop("cidr", "list", "team") == [
        {**rule, "repository": "team"} for rule in localshop("cidr", "list", "default")
    ]
    assert localshop("repository", "delete", "team") == edited
    assert localshop.good("repository", "--json", "list").json == both[:1]
    assert "default" in localshop.good("repository", "list").out


def test_a_new_repository_reads_from_where_the_settings_say_unless_told_otherwise(localshop):
    """PyPI, or what the administrator set; `--no-upstream` is for packages of one's own only."""
    (localshop.home / "localshop.conf.py").write_text(
        'LOCALSHOP_UPSTREAM_URL = "https://set.example.com/simple/"\n'
        "LOCALSHOP_FRESH_SECONDS = 7\nLOCALSHOP_RELEASE_OVERWRITE = True\n"
    )
    made = localshop("repository", "create", "one")
    assert (made["upstreams"], made["fresh"], made["overwrite"]) == (
        ["https://set.example.com/simple/"],
        7,
        True,
    )
    alone = localshop("repository", "create", "two", "--no-upstream", "--no-overwrite")
    assert (alone["upstreams"], alone["overwrite"]) == ([], False)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("create", "Team"), "'Team'"),
        (("create", "default"), "already"),
        (("show", "nowhere"), "'nowhere'"),
        (("delete", "default"), "cannot be deleted"),
        (("edit", "default", "--upstream", "ftp://ann:pa55wordmarker@h/"), "ftp://***@h/"),
        (("edit", "default", "--reserve", "*acme"), "'*acme'"),
        (("edit", "default", "--file-host", "http://h/"), "'http://h/'"),
        (("edit", "default", "--file-host", "h:70000"), "'h:70000'"),
    ],
)
def test_a_repository_refuses_what_makes_no_sense(localshop, arguments, told):
    """In one sentence with the value, and without the password of an upstream."""
    sentence = localshop.bad("repository", *arguments, "--json")
    assert told in sentence
    assert "pa55wordmarker" not in sentence


@pytest.mark.parametrize(
    "arguments",
    [
        ("repository",),
        ("repository", "edit", "default"),
        ("repository", "edit", "default", "--fresh", "-1"),
        ("repository", "edit", "default", "--miss", "guess"),
        ("repository", "edit", "default", "--upstream", "http://h/", "--no-upstream"),
        ("jobs", "wait", "--timeout", "nan"),
    ],
)
def test_what_no_command_understands_is_wrong_usage(localshop, arguments):
    """Exit code 2, nothing on stdout."""
    localshop.bad(*arguments, code=2)


def test_networks_are_added_changed_and_removed(localshop):
    """The first four are those of a new installation; an open door for uploads is warned of."""
    listed = localshop("cidr", "list")
    assert [(one["network"], one["credentials"], one["upload"]) for one in listed] == [
        ("127.0.0.0/8", False, False),
        ("::1/128", False, False),
        ("0.0.0.0/0", True, True),
        ("::/0", True, True),
    ]
    added = localshop("cidr", "add", "default", "10.0.0.0/8", "--no-credentials", "--label", "office")
    assert list(added.items()) == [
        ("repository", "default"),
        ("network", "10.0.0.0/8"),
        ("credentials", False),
        ("upload", False),
        ("label", "office"),
    ]
    opened = localshop.run("cidr", "add", "default", "10.0.0.0/8", "--no-credentials", "--upload", "--json")
    assert opened.code == 0
    assert "without credentials" in opened.err
    assert localshop("cidr", "list", "default") == [*listed, opened.json]
    assert "office" not in localshop.good("cidr", "list").out
    assert localshop("cidr", "remove", "default", "10.0.0.0/8") == opened.json
    assert "10.0.0.0/8" in localshop.bad("cidr", "remove", "default", "10.0.0.0/8")
    assert "host bits" in localshop.bad("cidr", "add", "default", "10.0.0.1/8")
    assert "'nowhere'" in localshop.bad("cidr", "add", "nowhere", "10.0.0.0/8")
    assert localshop("cidr", "list") == listed


def test_credentials_show_their_secret_once_and_are_kept_as_digests(localshop):
    """Whoever steals the database, a backup or a log has no key."""
    made = localshop("credential", "create", "--expires", "2030-12-31", "--comment", "ci", "--upload",
                     "--repository", "default", "--user", "admin")  # fmt: skip
    secret = made.pop("secret_key")
    assert list(made) == CREDENTIAL
    assert made == {
        "access_key": made["access_key"],
        "repositories": ["default"],
        "upload": True,
        "user": "admin",
        "comment": "ci",
        "expires": "2030-12-31T23:59:59Z",
        "enabled": True,
        "last_used": None,
    }
    assert holds(localshop, secret) == []
    digest = hashlib.sha256(secret.encode()).hexdigest()
    assert digest.encode() in localshop.database.content()

    told = localshop.good("credential", "create").out
    assert " -i http://lsk_" in told
    assert ":lsp_" in told
    key = made["access_key"]
    listed = localshop("credential", "list")
    assert listed[0] == made
    assert (listed[1]["repositories"], listed[1]["user"], listed[1]["upload"]) == (None, None, False)
    assert "lsp_" not in localshop.good("credential", "list").out
    assert localshop("credential", "disable", key) == {**made, "enabled": False}
    assert localshop("credential", "enable", key) == made
    assert localshop("credential", "delete", key) == made
    assert f"'{key}'" in localshop.bad("credential", "disable", key)
    assert f"'{key}'" in localshop.bad("credential", "delete", key)
    assert localshop("credential", "list") == listed[1:]


def test_credentials_know_when_they_end_and_whose_they_are(localshop):
    """A date is good to its end; a misspelt user or repository makes no credential that goes everywhere."""
    at = localshop("credential", "create", "--expires", "2030-01-01T02:00+02:00")
    assert at["expires"] == "2030-01-01T00:00:00Z"
    past = localshop.run("credential", "create", "--expires", "2020-01-01T00:00", "--json")
    assert (past.code, past.json["expires"]) == (0, "2020-01-01T00:00:00Z")
    assert "expired" in past.err
    assert "'tomorrow'" in localshop.bad("credential", "create", "--expires", "tomorrow")
    assert "'nobody'" in localshop.bad("credential", "create", "--user", "nobody")
    assert "'nowhere'" in localshop.bad("credential", "create", "--repository", "nowhere")
    assert len(localshop("credential", "list")) == 2


def test_users_are_made_disabled_and_enabled(localshop):
    """A password that is made up is shown once; one that was given, never."""
    made = localshop("user", "create", "ann")
    password = made.pop("password")
    assert list(made.items()) == [("username", "ann"), ("administrator", False), ("enabled", True)]
    assert holds(localshop, password) == []
    bob = localshop("user", "create", "bob", "--password", "correct horse battery staple", "--administrator")
    assert bob == {"username": "bob", "administrator": True, "enabled": True}
    weak = localshop.run("user", "create", "carl", "--password", "carl", "--json")
    assert (weak.code, weak.json["username"]) == (0, "carl")
    assert "weak" in weak.err
    assert localshop("user", "disable", "bob") == {**bob, "enabled": False}
    assert [(one["username"], one["enabled"]) for one in localshop("user", "list")] == [
        ("admin", True),
        ("ann", True),
        ("bob", False),
        ("carl", True),
    ]
    assert localshop("user", "enable", "bob") == bob
    assert "password  " in localshop.good("user", "create", "dora").out
    assert "'ann'" in localshop.bad("user", "create", "ann")
    localshop.bad("user", "create", "an n")
    localshop.bad("user", "create", "eve", "--password", "")
    assert "'nobody'" in localshop.bad("user", "disable", "nobody")


def test_jobs_are_listed_waited_for_and_tried_again(localshop):
    """A build waits until its packages are here, and learns which are not."""
    assert localshop("jobs", "list") == []
    assert localshop("jobs", "wait") == []
    assert localshop.good("jobs", "list").out == "There are no jobs.\n"
    localshop.good(
        "shell", "--verbosity", "0", "-c",
        "from localshop.catalog.models import Job\n"
        "Job(name='nothing', key='nothing:a', state='failed', attempts=6, error='gone\\x1b[2J').save()\n"
        "Job(name='nothing', key='nothing:b', run_after=9e9).save()\n"
        "Job(name='tidy', key='tidy', every=3600, run_after=9e9).save()",
    )  # fmt: skip
    failed, waiting, _ = localshop("jobs", "list")
    assert list(failed.items()) == [
        ("id", failed["id"]),
        ("name", "nothing"),
        ("key", "nothing:a"),
        ("state", "failed"),
        ("attempts", 6),
        ("error", "gone\x1b[2J"),
    ]
    assert "\x1b" not in localshop.good("jobs", "list").out
    late = localshop.run("jobs", "wait", "--timeout", "0.1", "--json")
    assert (late.code, late.json) == (1, [failed])
    assert "1 in all" in late.err
    again = localshop("jobs", "retry", str(failed["id"]))
    assert again == {**failed, "state": "waiting", "attempts": 0}
    assert "999" in localshop.bad("jobs", "retry", "999")
    localshop.good(
        "shell", "--verbosity", "0", "-c",
        "from localshop.catalog.models import Job\n"
        f"Job.objects.filter(id={waiting['id']}).delete()\n"
        "Job.objects.filter(every=0).update(state='failed')",
    )  # fmt: skip
    ended = localshop.run("jobs", "wait")
    assert ended.code == 1
    assert ended.out.startswith(f"Job {failed['id']} (nothing:a) failed: gone")
