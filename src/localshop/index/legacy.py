"""Sends the legacy JSON of a project or release, as Renovate, Dependabot and scripts read it."""

from __future__ import annotations

from localshop.access import Admission
from localshop.catalog.reads import Token
from localshop.mirror.legacy import legacy
from localshop.mirror.page import page
from localshop.protocol.names import is_normalised
from localshop.shelf.shelf import JSON
from localshop.shop import Shop

from .answers import Scope, Send, say
from .pages import send_page, wanted_legacy
from .routes import Route


async def send_legacy(
    shop: Shop, admission: Admission, scope: Scope, send: Send, *, route: Route, token: Token
) -> None:
    """Send the document of the route's project, or of the version that the route names."""
    head = scope["method"] == "HEAD"
    if not route.project:
        await say(send, 404, "no-such-page", "This address answers XML-RPC by POST only.", head=head)
        return
    repository, name = admission.repository, route.project
    found = await page(shop, repository, name, token=token, form=JSON) if is_normalised(name) else None
    if found is None:
        await say(send, 404, "no-such-project", f"There is no project {name!r}.", head=head)
        return
    document = await legacy(shop, repository, found, version=route.version)
    if document is None:
        sentence = f"There is no version {route.version!r} of {name}."
        await say(send, 404, "no-such-release", sentence, head=head)
        return
    await send_page(scope, send, document, wanted_legacy(scope), private=admission.private)
