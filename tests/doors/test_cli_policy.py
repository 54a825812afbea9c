"""``localshop policy`` as a process of its own, with the JSON that scripts rely on."""

from __future__ import annotations

import json

import pytest

PASS = ["project", "version", "rule", "until", "reason", "who", "created"]


@pytest.fixture
def localshop(initialised):
    return initialised


def test_rules_are_set_bit_by_bit_exported_and_imported(localshop, tmp_path):
    """What was set stays, until it is set otherwise or turned off."""
    new = localshop("policy", "show", "default")
    assert new == {"repository": "default", "rules": {}, "passes": []}
    localshop("policy", "set", "default", "--cooldown", "7", "--block", "Evil", "--block", "urllib3<2")
    localshop(
        "policy", "set", "default", "--block", "bad-*", "--unblock", "evil", "--allow", "good", "--freeze",
        "2026-01-01", "--watch", "freeze", "--yanked", "hide", "--gone", "hide", "--first-seen", "hold",
        "--hide-kind", "sdist", "--licence", "mit", "--no-licence", "GPL-*", "--unknown-licence", "hide",
    )  # fmt: skip
    found = localshop("policy", "show", "default")["rules"]
    assert found == {
        "block": {"entries": ["urllib3<2", "bad-*"], "mode": "enforced"},
        "first-seen": {"mode": "enforced"},
        "freeze": {"date": "2026-01-02T00:00:00Z", "mode": "watched"},
        "cooldown": {"days": 7, "mode": "enforced"},
        "gone": {"mode": "enforced"},
        "yanked": {"mode": "enforced"},
        "kinds": {"hide": ["sdist"], "mode": "enforced"},
        "licences": {"allow": ["MIT"], "deny": ["GPL-*"], "unknown": "hide", "mode": "enforced"},
        "allow": {"entries": ["good"]},
    }
    exported = localshop.good("policy", "export", "default").out
    assert json.loads(exported) == found
    file = tmp_path / "rules.json"
    file.write_text(exported)
    localshop("repository", "create", "team", "--no-upstream")
    assert localshop("policy", "import", "team", file)["rules"] == found
    off = localshop("policy", "set", "team", "--unset", "block", "--unset", "allow", "--yanked", "show")
    assert set(found) - set(off["rules"]) == {"block", "allow", "yanked"}
    text = localshop.good("policy", "show", "default").out
    assert "entries: urllib3<2, bad-*" in text
    assert "watched" in text


def test_passes_and_approvals_are_given_shown_and_ended(localshop):
    given = localshop("policy", "pass", "default", "Demo==1.0", "--until", "2099-01-01", "--reason", "a fix")
    assert list(given) == PASS
    assert given["until"] == "2099-01-02T00:00:00Z"
    approved = localshop("policy", "approve", "default", "other", "--reason", "it is real")
    assert (approved["rule"], approved["version"], approved["until"]) == ("first-seen", "", None)
    assert len(localshop("policy", "show", "default")["passes"]) == 2
    assert "a fix" in localshop.good("policy", "show", "default").out
    assert localshop("policy", "end", "default", "demo==1.0") == given
    assert localshop("policy", "end", "default", "other") == approved
    assert localshop("policy", "show", "default")["passes"] == []


def test_try_changes_nothing(localshop, tmp_path):
    file = tmp_path / "rules.json"
    file.write_text('{"cooldown": {"days": 3}}')
    found = localshop("policy", "try", "default", "--file", file, "--block", "evil", "--days", "7")
    assert list(found) == ["since", "downloads", "refused", "met"]
    assert (found["downloads"], found["met"]) == (0, [])
    assert localshop("policy", "show", "default")["rules"] == {}


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["set", "default"], 2, "There is nothing to change"),
        (["set", "default", "--cooldown", "0"], 2, "no whole number"),
        (["set", "default", "--unblock", "evil"], 1, "is not on the list"),
        (["set", "default", "--watch", "cooldown"], 1, "is off"),
        (["set", "default", "--unset", "cooldwn"], 1, "There is no rule 'cooldwn'"),
        (["pass", "default", "demo", "--until", "2099-01-01", "--reason", "x"], 1, "names no version"),
        (["import", "default", "/nowhere.json"], 1, "cannot be read"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(localshop, arguments, code, sentence):
    assert sentence in localshop.bad("policy", *arguments, code=code)
