"""Upload forms as clients send them: multipart, written by hand so that they can also be wrong."""

from __future__ import annotations

import hashlib
import secrets

CRLF = b"\r\n"


def fields_of(distribution, **changes):
    """The fields that twine sends for a distribution; a change to None leaves a field out."""
    body = distribution.body
    is_wheel = distribution.filename.endswith(".whl")
    fields = {
        ":action": "file_upload",
        "protocol_version": "1",
        "metadata_version": "2.1",
        "name": distribution.project,
        "version": distribution.version,
        "filetype": "bdist_wheel" if is_wheel else "sdist",
        "pyversion": "py3" if is_wheel else "source",
        "sha256_digest": hashlib.sha256(body).hexdigest(),
        "blake2_256_digest": hashlib.blake2b(body, digest_size=32).hexdigest(),
    }
    fields |= changes
    return [(name, value) for name, value in fields.items() if value is not None]


def form(fields, *, filename=None, content=None, boundary=None):
    """(headers, body) of a form with these (name, value) pairs and one file."""
    boundary = (boundary or secrets.token_hex(16)).encode()
    parts = []
    for name, value in fields:
        head = f'Content-Disposition: form-data; name="{name}"'.encode()
        parts.append(head + CRLF + CRLF + value.encode())
    if filename is not None:
        head = f'Content-Disposition: form-data; name="content"; filename="{filename}"'.encode()
        parts.append(head + CRLF + b"Content-Type: application/octet-stream" + CRLF + CRLF + content)
    body = b"".join(b"--" + boundary + CRLF + part + CRLF for part in parts) + b"--" + boundary + b"--" + CRLF
    headers = {
        "Content-Type": f"multipart/form-data; boundary={boundary.decode()}",
        "Content-Length": str(len(body)),
    }
    return headers, body


def upload_of(distribution, **changes):
    """(headers, body) of a whole upload, as twine would send it."""
    return form(fields_of(distribution, **changes), filename=distribution.filename, content=distribution.body)
