"""``localshop advisories``, ``alarms`` and ``release hold``: what an administrator types when it matters."""

from __future__ import annotations

import pytest

from osv_records import HIGH, packed, record


@pytest.fixture
def localshop(initialised):
    return initialised


@pytest.fixture
def zip_file(tmp_path):
    path = tmp_path / "all.zip"
    records = [record("MAL-2026-1", "evil"), record("PYSEC-2026-2", "Demo", fixed="1.2", vector=HIGH)]
    path.write_bytes(packed(*records))
    return path


def test_advisories_are_taken_in_and_shown(localshop, zip_file):
    """On a machine without internet this is all there is."""
    assert localshop("advisories", "import", str(zip_file)) == {
        "unchanged": False,
        "advisories": 2,
        "changed": 2,
        "gone": 0,
        "dropped": 0,
        "projects": 2,
    }
    assert localshop("advisories", "import", str(zip_file))["changed"] == 0
    names = {
        option: [one["id"] for one in localshop("advisories", "list", *option.split())]
        for option in ("", "--malicious", "--project DEMO", "--here")
    }
    assert names == {
        "": ["MAL-2026-1", "PYSEC-2026-2"],
        "--malicious": ["MAL-2026-1"],
        "--project DEMO": ["PYSEC-2026-2"],
        "--here": [],
    }
    assert localshop("advisories", "show", "PYSEC-2026-2")["affected"][0]["package"]["name"] == "Demo"
    assert "fixed in 1.2" in localshop.good("advisories", "show", "PYSEC-2026-2").out
    assert "high (7.5)" in localshop.good("advisories", "list").out


def test_what_cannot_be_taken_in_says_why(localshop, tmp_path):
    """A wrong path or a wrong file is no reason to believe that all is well."""
    page = tmp_path / "page.html"
    page.write_text("<html>")
    assert "No such file" in localshop.bad("advisories", "import", str(tmp_path / "none.zip"))
    assert "no zip" in localshop.bad("advisories", "import", str(page))
    assert "LOCALSHOP_ADVISORIES_URL" in localshop.bad("advisories", "import", code=2)
    assert "MAL-1" in localshop.bad("advisories", "show", "MAL-1")


def test_a_release_is_held_everywhere_and_let_go(localshop):
    """Whoever holds it does not want to look for all repositories first."""
    localshop("repository", "create", "team", "--no-upstream")
    told = localshop("release", "hold", "default", "Demo", "1.0", "--reason", "bad", "--everywhere")
    assert told == {"project": "demo", "version": "1.0", "repositories": ["default", "team"]}
    alarms = localshop("alarms", "list")
    assert [(one["repository"], one["cause"]) for one in alarms] == [("team", "held"), ("default", "held")]
    localshop("alarms", "close", str(alarms[0]["id"]))
    assert len(localshop("alarms", "list")) == 1
    assert len(localshop("alarms", "list", "--all")) == 2

    assert "not held" in localshop.bad("release", "unhold", "default", "demo", "2.0")
    localshop("release", "unhold", "team", "demo", "1.0.0")
    again = localshop("release", "unhold", "default", "demo", "1.0", "--everywhere")
    assert again["repositories"] == ["default"]
    assert "nowhere" in localshop.bad("release", "unhold", "default", "demo", "1.0", "--everywhere")
    assert "no repository" in localshop.bad("release", "hold", "none", "demo", "1.0", "--reason", "bad")


def test_the_rule_is_turned_off_and_watched_by_its_name(localshop):
    """It is on where nothing is said of it, so "off" has to be said."""
    assert localshop("policy", "show", "default")["rules"] == {}
    off = localshop("policy", "set", "default", "--unset", "advisories", "--vulnerable", "high")
    assert off["rules"] == {
        "advisories": {"malicious": "show", "mode": "enforced"},
        "vulnerable": {"severity": "high", "mode": "enforced"},
    }
    on = localshop("policy", "set", "default", "--advisories", "hide", "--watch", "advisories")
    assert on["rules"]["advisories"] == {"malicious": "hide", "mode": "watched"}
