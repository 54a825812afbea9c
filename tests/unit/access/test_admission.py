"""Who was let in may come again unasked; nobody may be taken for him."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localshop.access.address import visitor
from localshop.access.admission import Admission, asker, can_be_kept, good_until
from localshop.access.authorization import presented
from localshop.access.rules import Identity
from localshop.catalog.records import CredentialRecord, RepositoryRecord, UserRecord

PROXY = "127.0.0.1"
TRUSTED = (ip_network(f"{PROXY}/32"),)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            [b"authorization", b"x-forwarded-for", b"x-forwarded-proto", b"via", b"forwarded", b"accept"]
        ),
        st.sampled_from([b"10.1.1.1", b"10.1.1.2", b"Basic YTpi", b"Basic YTpj", b""]),
    ),
    max_size=3,
)


def judged(peer, headers):
    """All that the gate makes of a request before it asks what it knows."""
    first = next((value for name, value in headers if name == b"authorization"), None)
    return visitor(peer, headers, trusted=TRUSTED), visitor(peer, headers, trusted=()), presented(first)


@given(HEADERS, HEADERS, st.sampled_from([PROXY, "10.1.1.1"]), st.sampled_from([PROXY, "10.1.1.1"]))
def test_whoever_is_taken_for_another_would_be_judged_like_him(one, other, peer, other_peer):
    if asker("default", peer, one) == asker("default", other_peer, other):
        assert judged(peer, one) == judged(other_peer, other)


@given(HEADERS, st.binary(max_size=20), st.integers(0, 3))
def test_he_is_known_again_whatever_else_he_asks_for(headers, value, place):
    other = [*headers[:place], (b"if-none-match", value), *headers[place:]]
    assert asker("default", PROXY, headers) == asker("default", PROXY, other)


def test_each_repository_is_another_matter():
    assert asker("default", PROXY, []) != asker("second", PROXY, [])


def test_no_secret_is_kept():
    assert b"secret" not in str(asker("default", PROXY, [(b"authorization", b"Bearer secret")])).encode()


def admission(identity=None, *, private=False):
    repository = object.__new__(RepositoryRecord)
    return Admission(repository, identity, private)


def credential(expires=None):
    made = {"id": 1, "access_key": "lsk_a", "secret_sha256": "", "user": None, "expires": expires}
    return CredentialRecord(**made, upload=False, repositories=None, enabled=True)


def test_a_credential_is_kept_until_it_expires():
    end = datetime(2030, 1, 1, tzinfo=UTC)
    kept = admission(Identity(credential=credential(end)), private=True)
    assert can_be_kept(kept, [])
    assert good_until(kept) == end.timestamp()
    assert good_until(admission(Identity(credential=credential()), private=True)) > end.timestamp()


@pytest.mark.parametrize("user", [None, object.__new__(UserRecord)])
def test_a_password_is_not_kept_whether_it_is_right_or_wrong(user):
    """Else a wrong one could be tried at an open network as often as one likes."""
    assert not can_be_kept(admission(Identity(user) if user else None, private=True), [])


def test_headers_without_end_are_not_kept():
    assert can_be_kept(admission(), [(b"via", b"proxy")])
    assert not can_be_kept(admission(), [(b"via", b"x" * 2000)])
    assert can_be_kept(admission(), [(b"user-agent", b"x" * 2000)])
