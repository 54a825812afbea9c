"""Which way a stored file goes to a client: by our own hands, by nginx's, or straight from its storage."""

from __future__ import annotations

from functools import lru_cache

from localshop.access.address import Networks, is_trusted
from localshop.mirror.file import Here
from localshop.shop import Shop

from .answers import Receive, Scope, Send, redirect
from .artifact import Artifact, check_size
from .downloads import asks_for_beginning
from .remote import elsewhere
from .send import headers_of, is_known, send_empty, send_file


async def deliver(
    scope: Scope, receive: Receive, send: Send, shop: Shop, here: Here, *, private: bool
) -> bool:
    """Answer a GET or HEAD with a stored file; gives whether its first bytes went to somebody.

    Raises what ``send_file`` raises, before anything was sent.
    """
    artifact = Artifact(shop.store, here.blob, here.size, here.sha256)
    location, elsewhere_too = shop.config.accel_location, shop.store.redirects
    # A HEAD, and a client that has the file, are answered from what we know, whoever has the bytes.
    if (location or elsewhere_too) and scope["method"] == "GET" and not is_known(scope, artifact):
        if location and _came_through_proxy(scope, shop.config.trusted_proxies):
            path = shop.store.place(here.blob)
            if path is not None:
                check_size(artifact, shop.store.size(here.blob))
                await _leave_to_nginx(send, artifact, f"{location}/{here.blob}", private=private)
                return asks_for_beginning(scope)
        if elsewhere_too:
            url = shop.store.link(here.blob)
            if url is None:
                url = await elsewhere(_sign, artifact)
            # The link is worth something to whoever has it: nobody may keep it.
            await redirect(send, 302, url, cache=b"no-store", head=False)
            return asks_for_beginning(scope)
    return await send_file(scope, receive, send, artifact, private=private)


async def _leave_to_nginx(send: Send, artifact: Artifact, path: str, *, private: bool) -> None:
    """Have nginx send the file in our place; ranges are its affair.

    It takes over some of these headers by itself, and the others as its configuration says.
    """
    headers = headers_of(artifact, private=private)
    # Without a length nginx could not use the connection again.
    headers += [(b"x-accel-redirect", path.encode()), (b"content-length", b"0")]
    await send_empty(send, 200, headers)


def _sign(artifact: Artifact) -> str:
    # The storage would tell the client of a file that is gone, and we would never hear of it.
    check_size(artifact, artifact.store.size(artifact.name))
    return artifact.store.sign(artifact.name)


def _came_through_proxy(scope: Scope, trusted: Networks) -> bool:
    client = scope.get("client")
    return client is not None and _is_proxy(client[0], tuple(trusted))


@lru_cache(256)
def _is_proxy(peer: str, trusted: Networks) -> bool:
    # Whoever comes past nginx would get an answer without a body, and where the file lies.
    return is_trusted(peer, trusted)
