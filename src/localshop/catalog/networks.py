"""Networks: who may come into a repository from where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from ipaddress import ip_network

from django.db import transaction

from localshop.errors import BadInput

from .journal import Actor, note
from .models import Network
from .records import Address, NetworkRecord
from .repositories import repository
from .state import access_changed

FIRST_NETWORKS = (
    NetworkRecord(ip_network("127.0.0.0/8"), credentials=False, upload=False, label="this machine"),
    NetworkRecord(ip_network("::1/128"), credentials=False, upload=False, label="this machine"),
    NetworkRecord(ip_network("0.0.0.0/0"), credentials=True, upload=True, label="everybody with credentials"),
    NetworkRecord(ip_network("::/0"), credentials=True, upload=True, label="everybody with credentials"),
)
"""What a new repository begins with."""


def add_network(
    slug: str,
    network: str,
    *,
    credentials: bool = True,
    upload: bool = False,
    label: str = "",
    actor: Actor | None = None,
) -> NetworkRecord:
    """Add a rule, or change the one that this network has. ``actor`` None: nothing is journaled."""
    rule = NetworkRecord(parse_network(network), credentials=credentials, upload=upload, label=label)
    with transaction.atomic():
        found = repository(slug)
        before = _rule(found.networks, rule.network)
        _save(found.id, rule)
        access_changed()
        _note(slug, before, rule, actor)
    return rule


def replace_network(
    slug: str, network: str, rule: NetworkRecord, *, actor: Actor | None = None
) -> NetworkRecord:
    """Put another rule in the place of that for ``network``, which may be for another network.

    Raises ``BadInput`` when there is none for ``network``, or one already for the other network.
    """
    parsed = parse_network(network)
    with transaction.atomic():
        found = repository(slug)
        before = _rule(found.networks, parsed)
        if before is None:
            raise BadInput(f"Repository {slug!r} has no rule for {parsed}.")
        if rule.network != parsed and _rule(found.networks, rule.network) is not None:
            raise BadInput(f"Repository {slug!r} has a rule for {rule.network} already.")
        Network.objects.filter(repository_id=found.id, network=str(parsed)).update(network=str(rule.network))
        _save(found.id, rule)
        access_changed()
        _note(slug, before, rule, actor)
    return rule


def remove_network(slug: str, network: str, *, actor: Actor | None = None) -> None:
    """Remove a rule; raises ``BadInput`` when the repository has none for this network."""
    parsed = parse_network(network)
    with transaction.atomic():
        found = repository(slug)
        before = _rule(found.networks, parsed)
        if before is None:
            raise BadInput(f"Repository {slug!r} has no rule for {parsed}.")
        Network.objects.filter(repository_id=found.id, network=str(parsed)).delete()
        access_changed()
        _note(slug, before, None, actor)


def parse_network(text: str) -> Address:
    """``10.0.0.0/8``, ``2001:db8::/32`` or a single address, as a network."""
    try:
        return ip_network(text.strip())
    except ValueError as error:
        raise BadInput(f"{text!r} is no network: {error}.") from None


def _rule(rules: Iterable[NetworkRecord], network: Address) -> NetworkRecord | None:
    return next((rule for rule in rules if rule.network == network), None)


def _save(repository_id: int, rule: NetworkRecord) -> None:
    Network.objects.update_or_create(
        repository_id=repository_id,
        network=str(rule.network),
        defaults={"credentials": rule.credentials, "upload": rule.upload, "label": rule.label},
    )


def _note(slug: str, before: NetworkRecord | None, after: NetworkRecord | None, actor: Actor | None) -> None:
    named = after or before
    if actor is None or named is None:
        return
    action = "network-added" if before is None else "network-removed" if after is None else "network-changed"
    note(
        action,
        actor,
        at=datetime.now(UTC),
        repository=slug,
        subject=str(named.network),
        detail={"before": _shape(before), "after": _shape(after)},
    )


def _shape(rule: NetworkRecord | None) -> dict[str, object] | None:
    return {**asdict(rule), "network": str(rule.network)} if rule is not None else None
