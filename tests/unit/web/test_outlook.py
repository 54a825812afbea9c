"""What a change of networks would mean: foretold by the rules that decide when it is done."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localshop.access.address import Visitor
from localshop.access.rules import Action, Identity, check
from localshop.catalog.records import NetworkRecord, RepositoryRecord, UserRecord
from localshop.errors import Refusal
from localshop.web.outlook import compare, outlook

ANNA = Identity(UserRecord(id=1, username="anna", active=True, administrator=True, roles={}))
HERE = Visitor(ip_address("203.0.113.9"))


def rule(network, *, credentials=True, upload=False):
    return NetworkRecord(ip_network(network), credentials=credentials, upload=upload)


def repository(*rules):
    return RepositoryRecord(
        id=1,
        slug="default",
        miss="redirect",
        fresh=600,
        reserved=(),
        file_hosts=(),
        overwrite=False,
        members_only=False,
        owners_only=False,
        strict_record=False,
        upstreams=(),
        networks=rules,
    )


EVERYWHERE = rule("0.0.0.0/0", upload=True)
OFFICE = rule("10.0.0.0/8")


@pytest.mark.parametrize(
    ("before", "after", "verdict", "warned"),
    [
        ([EVERYWHERE], [OFFICE], "This would lock you out.", True),
        ([OFFICE], [EVERYWHERE], "This would let you in.", False),
        ([OFFICE], [], "You would stay locked out.", False),
        ([EVERYWHERE], [EVERYWHERE, OFFICE], "This would let you in, as before.", False),
        ([EVERYWHERE], [EVERYWHERE, rule("203.0.113.9")], "This would let you in, but not as before.", True),
        ([EVERYWHERE], [rule("203.0.113.0/24", credentials=False, upload=True)], None, True),
        ([EVERYWHERE], [EVERYWHERE, rule("10.0.0.0/8", credentials=False, upload=True)], None, True),
    ],
)
def test_whoever_changes_a_network_is_told_what_it_means_for_him(before, after, verdict, warned):
    change = compare(repository(*before), HERE, ANNA, networks=after)
    assert verdict in {None, change.verdict}
    assert bool(change.warnings) is warned


def test_a_hidden_address_is_in_no_small_network():
    untold = Visitor(ip_address("127.0.0.1"), told=False)
    local = rule("127.0.0.0/8", credentials=False)
    assert outlook(repository(local), untold, ANNA).person == frozenset()
    assert outlook(repository(local), untold, ANNA).sentence.startswith("You are locked out")


rules = st.lists(
    st.builds(
        rule,
        st.sampled_from(["0.0.0.0/0", "203.0.0.0/8", "203.0.113.9/32", "10.0.0.0/8", "::/0"]),
        credentials=st.booleans(),
        upload=st.booleans(),
    ),
    unique_by=lambda one: one.network,
)


@given(before=rules, after=rules)
def test_what_is_foretold_happens(before, after):
    """Somebody saves because the page said that he stays in; then he must."""

    def allowed(networks, identity):
        def may(action):
            try:
                check(action, repository(*networks), HERE, identity=identity)
            except Refusal:
                return False
            return True

        return {action for action in Action if may(action)}

    change = compare(repository(*before), HERE, ANNA, networks=after)
    assert (change.after.anybody, change.after.person) == (allowed(after, None), allowed(after, ANNA))
    if Action.READ in allowed(before, ANNA) - allowed(after, ANNA):
        assert change.warnings
