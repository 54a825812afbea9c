"""What was found inside files, kept for a while: to look again costs more than to keep it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from .models import Inspection

INSPECT = "inspect-file"
"""The name of the job that looks into one file."""

Report = dict[str, Any]


def report(file: str, before: str) -> Report | None:
    """What is inside a file, compared with the one before it.

    Both are named by their SHA-256, or their path where no digest is known. Empty: it could not be
    looked into; None: nobody has tried yet.
    """
    found: Report | None = (
        Inspection.objects.filter(file=file, before=before).values_list("report", flat=True).first()
    )
    return found


def save(file: str, before: str, report: Report, *, at: datetime) -> None:
    """Keep what was found."""
    with transaction.atomic():
        Inspection.objects.update_or_create(file=file, before=before, defaults={"report": report, "at": at})


def forget(*, before: datetime) -> None:
    """Forget what was found before this moment."""
    with transaction.atomic():
        Inspection.objects.filter(at__lt=before).delete()
