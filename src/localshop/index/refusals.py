"""What was refused on its way into the journal: a hidden file, an upload that is not fit to be published."""

from __future__ import annotations

from localshop.access import Admission
from localshop.catalog import journal
from localshop.catalog.records import Refused
from localshop.shop import Shop


def note_refusal(
    shop: Shop, admission: Admission, slug: str, *, project: str = "", subject: str = ""
) -> None:
    """Somebody who was let in was refused something all the same."""
    one = Refused(slug, admission.repository.slug, project, subject, admission.who, admission.address)
    shop.refusals.note(one, shop.now())


async def write_refusals(shop: Shop, *, all_of_it: bool = False) -> None:
    """Write down what was refused: one batch, as large as it may be. It must not be cancelled."""
    batch = shop.refusals.take(shop.steady(), all_of_it=all_of_it)
    try:
        if batch:
            await shop.run(journal.note_refusals, batch)
    except BaseException:
        shop.refusals.put_back(batch)
        raise
