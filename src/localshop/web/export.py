"""Tables for other programs: CSV, made and sent piece by piece, whatever its length."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import TypeVar

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse

from localshop.observe.log import escape

from .cursors import Place

Line = TypeVar("Line")
Cell = str | int | datetime
_AT_ONCE = 1000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_answer(
    filename: str,
    titles: Sequence[str],
    find: Callable[[int, Place | None], Sequence[Line]],
    place: Callable[[Line], Place],
    *,
    cells: Callable[[Line], Sequence[Cell]],
) -> StreamingHttpResponse:
    """All lines that ``find`` gives, from one place to the next, as a file to save."""

    async def pieces() -> AsyncIterator[bytes]:
        yield _row(titles)
        before: Place | None = None
        while True:
            # A piece at a time, so that a long table takes neither memory nor a thread for long.
            lines = await sync_to_async(find)(_AT_ONCE, before)
            yield b"".join(_row(cells(one)) for one in lines)
            if len(lines) < _AT_ONCE:
                return
            before = place(lines[-1])

    answer = StreamingHttpResponse(pieces(), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{filename}"'
    return answer


def _row(cells: Sequence[Cell]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow([_safe(cell) for cell in cells])
    return text.getvalue().encode()


def _safe(cell: Cell) -> str:
    """Text that stays text in a spreadsheet, which would take some beginnings for a formula."""
    if isinstance(cell, datetime):
        return cell.isoformat()
    if isinstance(cell, int):
        return str(cell)
    plain = escape(cell)
    return f"'{plain}" if plain.startswith(_FORMULA) else plain
