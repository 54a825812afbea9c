"""Networks: who may come into a repository from where."""

from __future__ import annotations

from ipaddress import ip_network

from django.db import transaction

from localshop.errors import BadInput

from .models import Network, Repository
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
    slug: str, network: str, *, credentials: bool = True, upload: bool = False, label: str = ""
) -> NetworkRecord:
    """Add a rule, or change the one that this network has."""
    parsed = parse_network(network)
    with transaction.atomic():
        Network.objects.update_or_create(
            repository=Repository.objects.get(slug=repository(slug).slug),
            network=str(parsed),
            defaults={"credentials": credentials, "upload": upload, "label": label},
        )
        access_changed()
    return NetworkRecord(parsed, credentials=credentials, upload=upload, label=label)


def remove_network(slug: str, network: str) -> None:
    """Remove a rule; raises ``BadInput`` when the repository has none for this network."""
    parsed = parse_network(network)
    with transaction.atomic():
        gone, _ = Network.objects.filter(repository_id=repository(slug).id, network=str(parsed)).delete()
        if not gone:
            raise BadInput(f"Repository {slug!r} has no rule for {parsed}.")
        access_changed()


def parse_network(text: str) -> Address:
    """``10.0.0.0/8``, ``2001:db8::/32`` or a single address, as a network."""
    try:
        return ip_network(text.strip())
    except ValueError as error:
        raise BadInput(f"{text!r} is no network: {error}.") from None
