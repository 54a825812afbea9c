"""Advisories as OSV publishes them: records, and the zip of all of them.

packed(record("MAL-2026-1", "evil"), record("PYSEC-2026-2", "Demo", fixed="1.2", vector=HIGH))
"""

from __future__ import annotations

import io
import json
import zipfile

HIGH = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"
"""7.5."""
LOW = "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N"
"""1.8."""


def record(name, project, *, introduced="0", fixed=None, versions=(), vector=None, **more):
    events = [{"introduced": introduced}] + ([{"fixed": fixed}] if fixed else [])
    affected = {
        "package": {"ecosystem": "PyPI", "name": project, "purl": f"pkg:pypi/{project}"},
        "ranges": [{"type": "ECOSYSTEM", "events": events}] if introduced else [],
        "versions": list(versions),
    }
    told = {
        "schema_version": "1.7.0",
        "id": name,
        "modified": "2026-11-20T10:00:00Z",
        "published": "2026-11-20T09:00:00Z",
        "summary": f"What {name} says",
        "details": f"More of {name}.",
        "aliases": [],
        "affected": [affected],
    }
    if vector:
        told["severity"] = [{"type": "CVSS_V3", "score": vector}]
    return told | more


def packed(*records, **extra):
    """A zip of records; ``extra``: other members, by their names without ``.json``, as bytes."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in records:
            archive.writestr(f"{one['id']}.json", json.dumps(one))
        for name, body in extra.items():
            archive.writestr(f"{name}.json", body)
    return held.getvalue()
