"""What ``localshop doctor`` asks the upstreams."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

from localshop.catalog.records import RepositoryRecord
from localshop.catalog.repositories import public_url
from localshop.cli.diagnosis import Diagnosis
from localshop.config import Config
from localshop.mirror.reach import Reached, reach
from localshop.upstream.client import UpstreamClient
from localshop.upstream.source import Source

_WORTH_KNOWING = 30.0
_TOO_MUCH = 300.0


def check_upstreams(config: Config, repositories: Sequence[RepositoryRecord]) -> Iterator[Diagnosis]:
    """Ask each upstream once, all at the same time; in 10 seconds each has answered or failed."""
    sources = {(source.url, source.username): source for one in repositories for source in one.upstreams}
    if config.offline or not sources:
        return
    found = asyncio.run(_reach_all(config, list(sources.values())))
    for one in found:
        yield _told(one)
    aheads = [one.ahead for one in found if one.ahead is not None]
    if aheads:
        yield _clock(min(aheads, key=abs))


async def _reach_all(config: Config, sources: Sequence[Source]) -> list[Reached]:
    client = UpstreamClient(proxy=config.http_proxy)
    try:
        return await asyncio.gather(*(reach(client, source) for source in sources))
    finally:
        await client.close()


def _told(one: Reached) -> Diagnosis:
    if one.failure is None:
        return Diagnosis(
            "ok", "upstream", f"{public_url(one.source)} answered in {one.seconds * 1000:.0f} ms."
        )
    advice = (
        "Until it answers, what is known is served as it was. See docs/reference/refusals.md for the slug."
    )
    return Diagnosis("problem", one.failure.slug, f"{public_url(one.source)}: {one.failure.sentence}", advice)


def _clock(ahead: float) -> Diagnosis:
    way = "ahead of" if ahead > 0 else "behind"
    sentence = f"The clock of this machine is {abs(ahead):,.0f} s {way} that of an upstream."
    if abs(ahead) < _WORTH_KNOWING:
        return Diagnosis("ok", "clock", "The clock of this machine is right, as far as an upstream can tell.")
    advice = "Have it set by NTP: credentials expire by it, and pages are refreshed by it."
    return Diagnosis("problem" if abs(ahead) > _TOO_MUCH else "note", "clock-wrong", sentence, advice)
