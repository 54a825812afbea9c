"""READMEs, as they were rendered once: safe HTML, known by the digest of the METADATA that they stand in."""

from __future__ import annotations

from django.db import transaction

from .models import CoreMetadata, Readme

RENDER = "render-readme"
"""The name of the job that renders one."""
RECIPE = 1
"""Goes up when what is let through changes: then all of them are rendered anew."""


def rendered(digest: str) -> str | None:
    """The HTML; empty: it cannot be rendered, None: nobody has tried yet."""
    return Readme.objects.filter(digest=digest, recipe=RECIPE).values_list("html", flat=True).first()


def save(digest: str, html: str) -> None:
    """Keep what was rendered."""
    with transaction.atomic():
        Readme.objects.update_or_create(digest=digest, defaults={"recipe": RECIPE, "html": html})


def remove_unneeded() -> int:
    """Forget those whose METADATA is gone; tells how many."""
    with transaction.atomic():
        gone, _ = Readme.objects.exclude(digest__in=CoreMetadata.objects.values("sha256")).delete()
    return gone
