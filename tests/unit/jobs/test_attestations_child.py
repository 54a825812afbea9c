"""Attestations are believed only when they hold to the last letter, for this very file (PEP 740)."""

from __future__ import annotations

import copy
import json
import subprocess
import sys

import pytest

from attestations import attested
from localshop.jobs.attestations_child import LARGEST_INPUT, verify

PUBLISHERS = {
    "github": "GitHub trailofbits/pypi-attestations, workflow release.yml",
    "gitlab": "GitLab facutuesca/gitlab-oidc-project, .gitlab-ci.yml",
    "circleci": "CircleCI github.com/CircleCI-Public/sign-and-publish-examples",
    "google": "Google 919436158236-compute@developer.gserviceaccount.com",
}


@pytest.mark.parametrize("name", PUBLISHERS)
def test_what_was_really_signed_is_verified_and_its_maker_told(name):
    """The upload does not say who made the file; the certificate does."""
    told = verify(**attested(name))
    assert told["publisher"] == PUBLISHERS[name], told
    (bundle,) = told["provenance"]["attestation_bundles"]
    assert bundle["attestations"] == attested(name)["body"]
    assert bundle["publisher"]["kind"].lower() == name


def test_the_provenance_of_an_upstream_is_verified_for_the_publisher_that_it_names():
    told = verify(**attested("github-provenance"))
    assert told["publisher"] == PUBLISHERS["github"]


def test_an_upstream_cannot_name_another_publisher():
    """Else a mirror that was taken over could say that anybody made a file."""
    asked = attested("github-provenance")
    asked["body"]["attestation_bundles"][0]["publisher"]["repository"] = "pypa/pip"
    assert "provenance" not in verify(**asked)


@pytest.mark.parametrize("kept", [True, False])
def test_one_false_attestation_spoils_the_others(kept):
    asked = attested("github")
    false = copy.deepcopy(asked["body"][0])
    false["envelope"]["signature"] = asked["body"][0]["envelope"]["statement"]
    asked["body"] = [*asked["body"], false] if kept else [false]
    assert verify(**asked)["why"]


@pytest.mark.parametrize(
    "change",
    [
        {"sha256": "0" * 64},
        {"filename": "pypi_attestations-0.0.20.tar.gz"},
        {"filename": "other-0.0.19.tar.gz"},
        {"filename": "no file name"},
    ],
)
def test_they_prove_nothing_of_another_file(change):
    assert verify(**{**attested("github"), **change})["why"]


@pytest.mark.parametrize(
    "body",
    [
        None,
        "x",
        1,
        [],
        {},
        [1],
        [{}],
        [{"version": 1}],
        {"version": 1, "attestation_bundles": []},
        [[]] * 100,
    ],
)
def test_what_is_none_is_called_so(body):
    assert verify(**{**attested("github"), "body": body})["why"]


def ask(data):
    return subprocess.run(
        [sys.executable, "-I", "-m", "localshop.jobs.attestations_child"],
        input=data,
        capture_output=True,
        timeout=60,
        check=False,
    )


def test_the_process_answers_in_json():
    done = ask(json.dumps(attested("github")).encode())
    assert json.loads(done.stdout)["publisher"] == PUBLISHERS["github"], done.stderr


@pytest.mark.parametrize("data", [b"", b"{", b"[" * 100_000, b" " * (LARGEST_INPUT + 10)])
def test_the_process_fails_on_what_cannot_be_read(data):
    """The job then says that they prove nothing."""
    done = ask(data)
    assert done.returncode != 0
    assert not done.stdout
