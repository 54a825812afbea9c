"""The process that verifies the attestations of one file (PEP 740), from stdin to stdout, under limits.

It reads ``{"filename", "sha256", "body"}``, where the body is the list of attestations that came with an
upload, or the provenance object of an upstream, and writes ``{"provenance", "publisher"}`` or ``{"why"}``.
It needs the extra ``localshop[attestations]``. Nobody is asked: the keys of Sigstore come with that package.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

from cryptography import x509
from pypi_attestations import (
    Attestation,
    AttestationBundle,
    AttestationError,
    CircleCIPublisher,
    Distribution,
    GitHubPublisher,
    GitLabPublisher,
    GooglePublisher,
    Provenance,
)

from localshop.jobs.child import limit

LARGEST_INPUT = 1 << 20
"""Bytes."""
_SECONDS = 10
_MEMORY = 1 << 30
_MOST = 20

# What a certificate of Fulcio says (its docs/oid-info.md).
_ISSUER = "1.3.6.1.4.1.57264.1.8"
_SIGNER = "1.3.6.1.4.1.57264.1.9"
_SOURCE = "1.3.6.1.4.1.57264.1.12"
_BUILD_CONFIG = "1.3.6.1.4.1.57264.1.18"
_GITHUB = re.compile(
    r"https://github\.com/(?P<repository>[^/]+/[^/]+)/\.github/workflows/(?P<workflow>[^/@]+)@.+"
)
_GITLAB = re.compile(r"https://gitlab\.com/(?P<repository>.+?)//(?P<workflow>[^@]+)@.+")
_CIRCLECI = re.compile(
    r"https://circleci\.com/api/v2/projects/(?P<project>[^/]+)/pipeline-definitions/(?P<pipeline>[^/]+)"
)

Publisher = GitHubPublisher | GitLabPublisher | GooglePublisher | CircleCIPublisher


def main() -> None:
    """Verify what comes on stdin."""
    limit(seconds=_SECONDS, memory=_MEMORY)
    asked = json.loads(sys.stdin.buffer.read(LARGEST_INPUT + 1))
    json.dump(verify(asked["body"], filename=asked["filename"], sha256=asked["sha256"]), sys.stdout)


def verify(body: object, *, filename: str, sha256: str) -> dict[str, Any]:
    """What there is to serve and who made the file, or why it proves nothing."""
    try:
        file = Distribution(name=filename, digest=sha256)
        bundles = _bundles(body)
        # All or nothing: a false one beside a true one is no carelessness.
        for bundle in bundles:
            for attestation in bundle.attestations:
                attestation.verify(bundle.publisher, file, offline=True)
    except (AttestationError, ValueError) as error:
        return {"why": " ".join(str(error).split())[:500]}
    publishers = sorted({in_words(bundle.publisher) for bundle in bundles})
    return {
        "provenance": Provenance(attestation_bundles=bundles).model_dump(mode="json"),
        "publisher": "; ".join(publishers),
    }


def in_words(publisher: Publisher) -> str:
    """Who that is, for people."""
    match publisher:
        case GitHubPublisher():
            return f"GitHub {publisher.repository}, workflow {publisher.workflow}"
        case GitLabPublisher():
            return f"GitLab {publisher.repository}, {publisher.workflow_filepath}"
        case GooglePublisher():
            return f"Google {publisher.email}"
        case CircleCIPublisher():
            return f"CircleCI {publisher.vcs_origin or publisher.project_id}"


def _bundles(body: object) -> list[AttestationBundle]:
    """What is to be verified, by who says that he made it. Raises ``ValueError``."""
    if isinstance(body, dict):
        bundles = Provenance.model_validate(body).attestation_bundles
    elif isinstance(body, list):
        bundles = _by_publisher([Attestation.model_validate(one) for one in body])
    else:
        raise ValueError("Neither attestations nor provenance.")  # noqa: TRY004 -- it is data.
    if not 0 < sum(len(bundle.attestations) for bundle in bundles) <= _MOST:
        raise ValueError(f"There must be one attestation, and at most {_MOST}.")
    return bundles


def _by_publisher(attestations: list[Attestation]) -> list[AttestationBundle]:
    """An upload does not say who made it; the certificates do, and are then verified to say so."""
    found: dict[str, AttestationBundle] = {}
    for attestation in attestations:
        publisher = _publisher(attestation)
        bundle = found.setdefault(
            publisher.model_dump_json(), AttestationBundle(publisher=publisher, attestations=[])
        )
        bundle.attestations.append(attestation)
    return list(found.values())


def _publisher(attestation: Attestation) -> Publisher:
    claims = attestation.certificate_claims
    issuer, config = claims.get(_ISSUER, ""), claims.get(_BUILD_CONFIG, "")
    match issuer:
        case "https://token.actions.githubusercontent.com" if made := _GITHUB.fullmatch(config):
            return GitHubPublisher(repository=made["repository"], workflow=made["workflow"])
        case "https://gitlab.com" if made := _GITLAB.fullmatch(config):
            return GitLabPublisher(repository=made["repository"], workflow_filepath=made["workflow"])
        case "https://accounts.google.com" if email := _email(attestation):
            return GooglePublisher(email=email)
        case "https://oidc.circleci.com" if made := _CIRCLECI.fullmatch(claims.get(_SIGNER, "")):
            return CircleCIPublisher(
                project_id=made["project"],
                pipeline_definition_id=made["pipeline"],
                vcs_origin=claims.get(_SOURCE) or None,
            )
    raise ValueError(f"Its certificate is of no publisher that we know: {issuer[:100]!r}.")


def _email(attestation: Attestation) -> str:
    certificate = x509.load_der_x509_certificate(attestation.verification_material.certificate)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return next(iter(names.get_values_for_type(x509.RFC822Name)), "")


if __name__ == "__main__":
    main()
