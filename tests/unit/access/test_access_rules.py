"""Who may do what: the rules, as one table over visitors, networks and credentials."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localshop.access.address import Visitor
from localshop.access.authorization import presented
from localshop.access.rules import Action, Identity, check, most_specific, still_good
from localshop.catalog.networks import FIRST_NETWORKS
from localshop.catalog.records import CredentialRecord, NetworkRecord, RepositoryRecord, UserRecord
from localshop.errors import CredentialsNeeded, NoRight

HERE = Visitor(ip_address("127.0.0.1"))
AWAY = Visitor(ip_address("203.0.113.9"))
UNTOLD = Visitor(ip_address("127.0.0.1"), told=False)
READ, UPLOAD = Action.READ, Action.UPLOAD


def repository(*networks, members_only=False, id=1):
    return RepositoryRecord(
        id, "default", "redirect", 600, (), (), False, members_only, False, False, (), tuple(networks)
    )


def rule(network, *, credentials=True, upload=False):
    return NetworkRecord(ip_network(network), credentials, upload)


def user(*, administrator=False, active=True, **roles):
    return UserRecord(1, "alice", active, administrator, {1: roles["role"]} if "role" in roles else {})


def credential(*, user=None, repositories=None, upload=False, enabled=True, expires=None):
    return CredentialRecord(1, "lsk_a", "", user, repositories, upload, enabled, expires)


def outcome(action, repository, visitor, identity):
    try:
        return "in" if check(action, repository, visitor, identity=identity) else "open"
    except CredentialsNeeded:
        return 401
    except NoRight:
        return 403


STRANGER = Identity(user())
DEVELOPER = Identity(user(role="developer"))
READER = Identity(user(role="reader"))
ADMINISTRATOR = Identity(user(administrator=True))
MACHINE = Identity(credential=credential())
UPLOADER = Identity(credential=credential(upload=True))
ELSEWHERE = Identity(credential=credential(repositories=frozenset({2}), upload=True))


@pytest.mark.parametrize(
    ("action", "visitor", "identity", "expected"),
    [
        (READ, HERE, None, "open"),
        (READ, AWAY, None, 401),
        (READ, UNTOLD, None, 401),
        (UPLOAD, HERE, None, 401),
        (UPLOAD, AWAY, None, 401),
        (READ, AWAY, STRANGER, "in"),
        (READ, UNTOLD, STRANGER, "in"),
        (READ, AWAY, MACHINE, "in"),
        (READ, AWAY, ELSEWHERE, 403),
        (UPLOAD, AWAY, STRANGER, 403),
        (UPLOAD, AWAY, READER, 403),
        (UPLOAD, AWAY, DEVELOPER, "in"),
        (UPLOAD, HERE, DEVELOPER, "in"),
        (UPLOAD, AWAY, ADMINISTRATOR, "in"),
        (UPLOAD, AWAY, MACHINE, 403),
        (UPLOAD, AWAY, UPLOADER, "in"),
        (UPLOAD, AWAY, ELSEWHERE, 403),
        (READ, Visitor(None), None, 401),
        (READ, Visitor(None), ADMINISTRATOR, 403),
    ],
)
def test_on_a_new_installation(action, visitor, identity, expected):
    """This machine reads without credentials; everybody else, and every upload, needs them."""
    assert outcome(action, repository(*FIRST_NETWORKS), visitor, identity) == expected


@pytest.mark.parametrize(
    ("identity", "expected"),
    [(None, 401), (STRANGER, 403), (READER, "in"), (ADMINISTRATOR, "in"), (MACHINE, "in"), (ELSEWHERE, 403)],
)
@pytest.mark.parametrize("visitor", [HERE, AWAY])
def test_members_only_means_members_only_wherever_one_sits(visitor, identity, expected):
    assert outcome(READ, repository(*FIRST_NETWORKS, members_only=True), visitor, identity) == expected


def test_good_credentials_do_not_help_outside_the_networks():
    """A stolen key is of no use from the street."""
    office = repository(rule("10.0.0.0/8"))

    assert outcome(READ, office, AWAY, ADMINISTRATOR) == 403
    assert outcome(READ, office, AWAY, None) == 401


def test_the_smallest_network_decides():
    nested = repository(
        rule("0.0.0.0/0"), rule("10.0.0.0/8", credentials=False), rule("10.9.0.0/16", credentials=True)
    )

    assert outcome(READ, nested, Visitor(ip_address("10.1.1.1")), None) == "open"
    assert outcome(READ, nested, Visitor(ip_address("10.9.1.1")), None) == 401


def test_only_a_rule_that_says_both_lets_anybody_upload():
    assert (
        outcome(UPLOAD, repository(rule("0.0.0.0/0", credentials=False, upload=True)), AWAY, None) == "open"
    )
    assert outcome(UPLOAD, repository(rule("0.0.0.0/0", credentials=True, upload=True)), AWAY, None) == 401
    assert outcome(UPLOAD, repository(rule("0.0.0.0/0", credentials=False)), AWAY, None) == 401


def test_no_credentials_upload_from_a_network_that_only_downloads():
    assert outcome(UPLOAD, repository(rule("0.0.0.0/0")), AWAY, ADMINISTRATOR) == 403


def test_a_credential_never_exceeds_its_user_nor_its_own_scope():
    away = repository(*FIRST_NETWORKS)
    of_a_reader = Identity(user(role="reader"), credential(user=user(role="reader"), upload=True))
    narrow = Identity(user(administrator=True), credential(user=user(administrator=True)))

    assert outcome(UPLOAD, away, AWAY, of_a_reader) == 403
    assert outcome(UPLOAD, away, AWAY, narrow) == 403
    assert outcome(READ, away, AWAY, Identity(user(active=False))) == 403


def test_a_credential_ends_when_it_is_disabled_expires_or_loses_its_user():
    now = datetime(2026, 1, 1, tzinfo=UTC)

    assert still_good(credential(), now)
    assert still_good(credential(expires=now + timedelta(seconds=1)), now)
    assert not still_good(credential(expires=now), now)
    assert not still_good(credential(enabled=False), now)
    assert not still_good(credential(user=user(active=False)), now)


networks = st.lists(
    st.builds(
        NetworkRecord,
        st.ip_addresses(v=4).flatmap(
            lambda one: st.integers(0, 32).map(lambda bits: ip_network((int(one), bits), strict=False))
        ),
        st.booleans(),
        st.booleans(),
    ),
    max_size=6,
)


@given(networks, st.ip_addresses(v=4))
def test_nobody_gets_in_without_credentials_unless_a_network_that_holds_him_says_so(rules, address):
    found = most_specific(rules, Visitor(address))

    assert found is None or address in found.network
    if outcome(READ, repository(*rules), Visitor(address), None) == "open":
        assert found is not None
        assert not found.credentials


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"Basic YTpi", ("a", "b", "a")),
        (b"basic YTpi", ("a", "b", "a")),
        (b"Basic X190b2tlbl9fOmxza19hOmI=", ("lsk_a", "b", "")),
        (b"Basic X190b2tlbl9fOmxzcF9i", ("", "lsp_b", "")),
        (b"Bearer lsp_b", ("", "lsp_b", "")),
        (b"Basic !!!", None),
        (b"Basic YQ==", None),
        (b"Digest a=b", None),
        (b"Basic " + b"A" * 5000, None),
        (None, None),
    ],
)
def test_what_is_presented(header, expected):
    """Every client's way of sending a key pair or a token is understood; garbage is nobody."""
    shown = presented(header)

    assert (shown and (shown.access_key, shown.secret, shown.username)) == expected


@given(st.binary(max_size=100))
def test_no_header_breaks_the_gate(header):
    presented(header)
    presented(b"Basic " + header)
