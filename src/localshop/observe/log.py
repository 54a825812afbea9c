"""Log lines: one event is one line, for people or for machines, without secrets and without forgeries."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Mapping

from localshop.observe.redact import is_secret_name, redact

Scalar = str | int | float | bool | None

_ATTRIBUTE = "localshop_event"


def configure(level: str, format: str) -> None:  # noqa: A002 - it is the name of the setting.
    """Send everything that is logged in this process to stderr; calling it again replaces that.

    ``level`` is ``DEBUG``, ``INFO``, ``WARNING`` or ``ERROR``; ``format`` is ``text`` or ``json``.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if format == "json" else TextLines())
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)


def get_logger(name: str) -> logging.Logger:
    """Give the logger of a module; pass ``__name__``."""
    return logging.getLogger(name)


def event(
    logger: logging.Logger,
    level: int,
    slug: str,
    sentence: str,
    /,
    *,
    exc_info: BaseException | None = None,
    **fields: object,
) -> None:
    """Log one event: a slug for machines, a sentence for people, and the values that matter.

    ``level`` is one of logging's numbers. The sentence is taken as it is (a ``%`` has no meaning).
    Values other than text, numbers, booleans and None are shown as their ``str``.
    """
    if logger.isEnabledFor(level):
        logger.log(level, "%s", sentence, exc_info=exc_info, extra={_ATTRIBUTE: (slug, fields)})


class TextLines(logging.Formatter):
    """``2026-11-21T10:00:00Z INFO slug message key=value …``; a traceback follows in lines of its own.

    The slug of what libraries log is the name of their logger. What clients send can stand in a
    line, but cannot begin a new one: line breaks, ESC and all else that is not printable is
    escaped, and the lines of a traceback begin with ``  | ``.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Make the line, without the line break at its end."""
        slug, fields = _event_of(record)
        parts = [_time(record), record.levelname, escape(slug), escape(redact(record.getMessage()))]
        parts += [f"{escape(key)}={_quoted(value)}" for key, value in fields.items()]
        trace = _trace(self, record)
        return "\n".join([" ".join(parts), *(f"  | {escape(line)}" for line in trace.splitlines())])


class JsonLines(logging.Formatter):
    """One JSON object a line: ``time``, ``level``, ``slug``, ``message``, ``logger``, ``trace``, fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Make the line, without the line break at its end."""
        slug, fields = _event_of(record)
        ours: dict[str, Scalar] = {
            "time": _time(record),
            "level": record.levelname,
            "slug": slug,
            "message": redact(record.getMessage()),
            "logger": record.name,
        }
        if trace := _trace(self, record):
            ours["trace"] = trace
        # ASCII escapes take care of every control character; a field never replaces one of ours.
        return json.dumps(ours | {key: value for key, value in fields.items() if key not in ours})


def escape(text: str) -> str:
    """Give ``text`` on one line: ESC, bidi marks, lone surrogates and the like are written as in Python."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def _event_of(record: logging.LogRecord) -> tuple[str, dict[str, Scalar]]:
    slug, fields = getattr(record, _ATTRIBUTE, (record.name, {}))
    return slug, _shown(fields)


def _shown(fields: Mapping[str, object]) -> dict[str, Scalar]:
    shown: dict[str, Scalar] = {}
    for key, value in fields.items():
        if value is None or isinstance(value, bool | int | float):
            shown[key] = value
        else:
            shown[key] = "***" if is_secret_name(key) else redact(str(value))
    return shown


def _quoted(value: Scalar) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    plain = value.isprintable() and value and not any(one in value for one in ' "=')
    return value if plain else '"' + escape(value.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def _time(record: logging.LogRecord) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))


def _trace(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    if not record.exc_info or record.exc_info[0] is None:
        return ""
    return redact(formatter.formatException(record.exc_info))
