"""The jobs that pass alarms on: to the webhook and by mail, as far as the settings name them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.core.mail import EmailMessage

from localshop.catalog import alarms, people
from localshop.catalog.records import AlarmRecord
from localshop.errors import UpstreamError, UpstreamUnavailable
from localshop.shop import Shop

_AT_ONCE = 50
"""Alarms in one message: the first import of advisories may raise hundreds."""


async def tell_webhook(shop: Shop, _payload: Mapping[str, Any]) -> None:
    """Post what the webhook has not been told yet; a failure makes the job come again."""
    url = shop.config.alarm_webhook_url
    while some := await shop.run(alarms.untold, "webhook", most=_AT_ONCE):
        if url:
            try:
                await shop.upstream.post(url, _body(some, origin=shop.config.public_url))
            except UpstreamError as error:
                # Of many services the path of the address is the key.
                host = urlsplit(url).hostname
                raise UpstreamUnavailable(f"The webhook at {host} did not take the alarms.") from error
        # Also where there is none: whoever sets one later is not told of old alarms.
        await shop.run(alarms.told, "webhook", [one.id for one in some])


async def tell_by_mail(shop: Shop, _payload: Mapping[str, Any]) -> None:
    """Write to the administrators whose mail address is known."""
    while some := await shop.run(alarms.untold, "mail", most=_AT_ONCE):
        if shop.config.email_url:
            to = await shop.run(people.administrators_mail)
            if to:
                await shop.run(_send, some, to=to, origin=shop.config.public_url)
        await shop.run(alarms.told, "mail", [one.id for one in some])


def _send(some: Sequence[AlarmRecord], *, to: Sequence[str], origin: str) -> None:
    first = some[0].bad
    more = f" and {len(some) - 1} more" if len(some) > 1 else ""
    where = f"\n\n{origin}/alarms/" if origin else ""
    EmailMessage(
        subject=f"localshop: {first.cause}: {first.project} {first.version}{more}",
        body=f"{_text(some)}{where}\n",
        bcc=list(to),
    ).send()


def _body(some: Sequence[AlarmRecord], *, origin: str) -> bytes:
    told = {
        "text": _text(some),
        "alarms": [
            {
                "repository": one.bad.repository,
                "project": one.bad.project,
                "version": one.bad.version,
                "cause": one.bad.cause,
                "source": one.bad.source,
                "sentence": one.bad.sentence,
                "at": one.at.isoformat(),
            }
            for one in some
        ],
        "url": f"{origin}/alarms/" if origin else None,
    }
    return json.dumps(told).encode()


def _text(some: Sequence[AlarmRecord]) -> str:
    return "\n".join(f"{one.bad.repository}: {one.bad.sentence}" for one in some)
