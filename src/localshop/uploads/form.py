"""Takes in an upload form: its file goes to disk and is hashed on the way, its fields stay small."""

from __future__ import annotations

import fcntl
import hashlib
import math
import os
import re
import secrets
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from localshop.errors import StorageError, StorageFull, UploadRefused
from localshop.storage.parts import remove_old_parts

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

_MOST_FIELDS = 20_000
_LARGEST_FIELD = 8 << 20
_LARGEST_REST = 32 << 20
"""Bytes that all of a form may have beside its file."""
_FILE = "content"
_PART = "upload-{}.part"
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


@dataclass(slots=True)
class Form:
    """An upload as it came.

    ``fields`` has the values of each name in order; ``part`` is a file of ours with the bytes of
    the distribution, and ``fd`` keeps it open and locked. The caller may move it, and ends with
    ``discard``. Digests are lower-case hex.
    """

    part: Path
    fd: int
    fields: dict[str, list[str]] = field(default_factory=dict)
    filename: str = ""
    has_file: bool = False
    size: int = 0
    md5: str = ""
    sha256: str = ""
    blake2b_256: str = ""

    def one(self, name: str) -> str:
        """The one value of a field, "" when it was not sent; what old tools call unknown is nothing."""
        values = self.fields.get(name, [])
        if len(values) > 1:
            # Which of two values counts is a question that nobody should have to ask.
            raise UploadRefused(
                "duplicate-field", f"The form has {len(values)} fields {name!r}; one is right."
            )
        value = values[0].strip() if values else ""
        return "" if value == "UNKNOWN" else value

    def discard(self) -> None:
        """Remove the part, unless it has found its place, and let it go."""
        self.part.unlink(missing_ok=True)
        os.close(self.fd)


async def take_in(
    headers: Iterable[tuple[bytes, bytes]], receive: Receive, *, scratch: Path, largest: int
) -> Form:
    """Read a multipart form, which the caller discards. Nothing of it stays behind when it is refused.

    ``largest``: bytes that the file may have. Raises ``UploadRefused``, ``StorageFull`` when there
    is no room, and ``ConnectionResetError`` when the client goes away in the middle.
    """
    known = dict(headers)
    length = known.get(b"content-length", b"0")
    if length.isdigit() and int(length) > largest + _LARGEST_REST:
        raise too_large(largest)
    boundary = _boundary(known)
    form = _begun(scratch)
    try:
        taker = _Taker(form, largest=largest)
        parser = MultipartParser(boundary, taker.callbacks())
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ConnectionResetError("The client went away in the middle of its upload.")
            _feed(parser, bytes(message.get("body", b"")))
            if not message.get("more_body", False):
                break
        taker.finish()
    except BaseException:
        form.discard()
        raise
    return form


def remove_abandoned(scratch: Path) -> None:
    """Remove what came of uploads whose process was killed; the kernel has taken its locks away."""
    remove_old_parts(scratch, before=math.inf, pattern=_PART.format("*"))


def too_large(largest: int) -> UploadRefused:
    """The refusal of a file that is larger than this many bytes."""
    return UploadRefused(
        "too-large", f"A file may have {largest} bytes at the most (LOCALSHOP_MAX_UPLOAD_SIZE)."
    )


def _boundary(headers: dict[bytes, bytes]) -> bytes:
    kind, options = parse_options_header(headers.get(b"content-type", b""))
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        sent = headers.get(b"content-type", b"").decode("latin-1")[:100]
        raise UploadRefused("not-a-form", f"An upload is multipart/form-data with a boundary, not {sent!r}.")
    if headers.get(b"content-encoding", b"identity") != b"identity":
        raise UploadRefused("not-a-form", "An upload is sent without Content-Encoding.")
    return boundary


def _begun(scratch: Path) -> Form:
    """A form with an empty part, locked so that nobody takes it for a leftover."""
    while True:
        part = scratch / _PART.format(secrets.token_hex(12))
        try:
            fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _no_room(error) from error
        fcntl.flock(fd, fcntl.LOCK_EX)
        if part.exists():
            return Form(part, fd)
        # Somebody who cleans up has come in between.
        os.close(fd)


def _feed(parser: MultipartParser, data: bytes) -> None:
    try:
        parser.write(data)
    except FormParserError as error:
        raise UploadRefused("broken-form", f"The form cannot be read: {error}.") from error


def _no_room(error: OSError) -> StorageError:
    kind = StorageFull if error.errno in {28, 122} else StorageError
    return kind(f"The upload cannot be written: {error.strerror}.")


class _Taker:
    """What the parser calls back, part by part."""

    def __init__(self, form: Form, *, largest: int) -> None:
        self._form = form
        self._largest = largest
        self._digests: list[Any] = [
            hashlib.md5(usedforsecurity=False),
            hashlib.sha256(),
            hashlib.blake2b(digest_size=32),
        ]
        self._count = 0
        self._rest = 0
        self._ended = False
        self._header = b""
        self._value = b""
        self._headers: dict[bytes, bytes] = {}
        self._name = ""
        self._text = bytearray()

    def callbacks(self) -> Any:
        """For the parser."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._on_header_field,
            "on_header_value": self._on_header_value,
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers_finished,
            "on_part_data": self._on_data,
            "on_part_end": self._on_part_end,
            "on_end": self._on_end,
        }

    def finish(self) -> None:
        """All has come; raises when it was cut, or has no file where one belongs."""
        if not self._ended:
            raise UploadRefused("broken-form", "The form ends in the middle.")
        md5, sha256, blake2b = (digest.hexdigest() for digest in self._digests)
        self._form.md5, self._form.sha256, self._form.blake2b_256 = md5, sha256, blake2b

    def _begin(self) -> None:
        self._headers = {}
        self._text = bytearray()
        self._count += 1
        if self._count > _MOST_FIELDS:
            raise UploadRefused("too-many-fields", f"A form may have {_MOST_FIELDS} fields at the most.")

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._header.lower()] = self._value
        self._header = self._value = b""

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        if self._name != _FILE:
            return
        if self._form.has_file:
            raise UploadRefused("duplicate-field", "The form has more than one file; one is right.")
        self._form.has_file = True
        self._form.filename = options.get(b"filename", b"").decode("utf-8", "replace")

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        piece = data[start:end]
        if self._name == _FILE:
            self._write(piece)
            return
        self._rest += len(piece)
        if self._rest > _LARGEST_REST or len(self._text) + len(piece) > _LARGEST_FIELD:
            raise UploadRefused("form-too-large", f"The field {self._name[:50]!r} of the form is too large.")
        self._text += piece

    def _write(self, piece: bytes) -> None:
        self._form.size += len(piece)
        if self._form.size > self._largest:
            raise too_large(self._largest)
        for digest in self._digests:
            digest.update(piece)
        try:
            while piece:
                piece = piece[os.write(self._form.fd, piece) :]
        except OSError as error:
            raise _no_room(error) from error

    def _on_part_end(self) -> None:
        if self._name != _FILE:
            text = _CONTROL.sub("", self._text.decode("utf-8", "replace"))
            self._form.fields.setdefault(self._name, []).append(text)

    def _on_end(self) -> None:
        self._ended = True
