"""Addresses as upstreams write them: read without changing them, and shown without secrets."""

from __future__ import annotations

import re

from yarl import URL

from localshop.errors import UpstreamRefused
from localshop.upstream.guard import spelled

_CLEAN = re.compile(r"[!-~]+")


def parse(text: str, *, base: URL | None = None) -> URL:
    """Read an address; with ``base``, where a redirect of that page leads.

    What is fit to be sent is left as it is, so that signed queries stay valid; the rest is
    percent-encoded. A user name is dropped: it would be sent there as credentials.
    Raises UpstreamRefused for what is no http or https address.
    """
    try:
        url = URL(text, encoded=_CLEAN.fullmatch(text) is not None)
        if base is not None and text:
            url = base.join(url)
        if url.scheme in {"http", "https"} and url.raw_host and url.port:
            url.raw_host.encode("idna")  # Raises for what the look-up would choke on, such as "a..b".
            return url.with_user(None).with_fragment(None)
    except ValueError:
        pass
    where = "What was asked for" if base is None else f"What {shown(base)} redirects to"
    raise UpstreamRefused(f"{where} is no http address.")


def shown(url: URL | str) -> str:
    """Return an address for a sentence: user name, password and query are nobody's business."""
    try:
        return str(URL(url).with_user(None).with_query(None).with_fragment(None))
    except ValueError:
        return "An address that cannot be read"


def origin(url: URL) -> tuple[str, str, int | None]:
    """Return scheme, host and port: who gets credentials."""
    return url.scheme, spelled(url.raw_host or ""), url.port
