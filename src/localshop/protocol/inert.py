"""The headers that keep a package file inert in a browser."""

from __future__ import annotations

HEADERS = {
    "content-type": "application/octet-stream",
    "content-disposition": "attachment",
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox; default-src 'none'",
}
"""A file may hold a page of HTML or a script that somebody uploaded. A browser must neither show nor run
it in the name of this host, whatever its own guess of the type is."""
