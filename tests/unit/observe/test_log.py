"""Log lines: one event is one line, whatever a client sent, and no secret is in it."""

from __future__ import annotations

import io
import json
import logging
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localshop.observe import log


def line(
    formatter: logging.Formatter, slug: str = "file-served", sentence: str = "Served.", **fields: object
) -> str:
    """The line of one event."""
    logger = logging.Logger("localshop.test")  # noqa: LOG001 - one that nothing else configures.
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logger.addHandler(handler)
    log.event(logger, logging.INFO, slug, sentence, **fields)
    return stream.getvalue().removesuffix("\n")


def test_a_text_line_is_time_level_slug_sentence_and_fields():
    """Administrators grep for these."""
    found = line(
        log.TextLines(), repository="default", size=12, cold=True, reason="not here", by=None, empty=""
    )
    time, rest = found.split(" ", 1)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", time)
    assert rest == (
        'INFO file-served Served. repository=default size=12 cold=true reason="not here" by=null empty=""'
    )


def test_a_json_line_is_one_object_whose_own_keys_cannot_be_replaced():
    """A field called level must not turn an attack into a debug line."""
    found = json.loads(line(log.JsonLines(), size=12, level="DEBUG", message="x"))
    assert found.pop("time").endswith("Z")
    assert found == {
        "level": "INFO", "slug": "file-served", "message": "Served.", "logger": "localshop.test", "size": 12
    }  # fmt: skip


def test_a_percent_sign_in_a_sentence_has_no_meaning():
    """A file name such as 100%s.whl must not break the line."""
    assert " 100%s of %d" in line(log.TextLines(), sentence="100%s of %d")


@given(text=st.text())
@pytest.mark.parametrize("formatter", [log.TextLines(), log.JsonLines()], ids=["text", "json"])
def test_nothing_that_a_client_sends_begins_a_new_line(formatter, text):
    """A user agent with a line break in it could else write log lines of its own."""
    found = line(formatter, slug=text, sentence=text, agent=text)
    assert found.isprintable()
    assert len(found.splitlines()) == 1
    found.encode()


def test_the_classic_forgery_is_seen_as_what_it_is():
    """A user agent with a line of its own, and an ESC that would paint over ours in a terminal."""
    found = line(log.TextLines(), agent="x\r\n2026 admin logged in\x1b[2K")
    assert found.endswith(r'agent="x\r\n2026 admin logged in\x1b[2K"')


def test_a_quote_in_a_value_does_not_end_it():
    """Else a value could add fields."""
    assert line(log.TextLines(), agent='a" user="admin').endswith(r'agent="a\" user=\"admin"')


SECRETS = [
    "Authorization: Basic bWFya2VyOm1hcmtlcg==",
    "authorization=Bearer marker-1",
    "{'Authorization': 'Token marker', 'Accept': '*/*'}",
    "[(b'authorization', b'Basic bWFya2VyOm1hcmtlcg==')]",
    "Proxy-Authorization: marker",
    "got Basic bWFya2VyOm1hcmtlcg==",
    "https://user:marker@index.example.com/simple/",
    "https://marker@index.example.com/simple/",
    "redis://:marker@localhost:6379/0",
    "postgresql://u:p@marker@localhost/db",
    "postgresql://u:mar/marker@localhost/db",
    "amqp://a:marker@h//,amqp://b:marker@h//",
    "key lsp_marker-_marker expired",
    "Cookie: localshop_session=marker; csrftoken=marker",
    "GET /x?token=marker&y=1",
    "https://bucket/x?X-Amz-Credential=marker&X-Amz-Signature=marker",
]


@pytest.mark.parametrize("formatter", [log.TextLines(), log.JsonLines()], ids=["text", "json"])
@pytest.mark.parametrize("text", SECRETS)
def test_a_secret_is_in_no_part_of_a_line(formatter, text):
    """Logs are shipped, kept and shown to people who may not have the secret."""
    found = line(formatter, sentence=f"Seen {text}", value=text, nested=[text])
    assert "marker" not in found
    assert "bWFya2Vy" not in found


def test_a_field_named_after_a_secret_is_never_shown():
    """However it got there."""
    found = line(
        log.TextLines(), password="hunter2", secret_key="hunter2", Authorization="hunter2", cookies=b"hunter2"
    )
    assert "hunter2" not in found


@pytest.mark.parametrize(
    "text",
    [
        "Basic authentication failed",
        "https://host:8000/packages/@scope/x",
        "git+https://host/x@v1",
        "author: somebody@example.com",
        "https://host/x?page=2",
    ],
)
def test_what_is_no_secret_stays(text):
    """A log without the URLs in it would help nobody."""
    assert text in line(log.TextLines(), sentence=text)


@pytest.mark.parametrize("formatter", [log.TextLines(), log.JsonLines()], ids=["text", "json"])
def test_a_traceback_neither_forges_lines_nor_tells_secrets(formatter):
    """The text of an exception can be a client's, or an URL with a password."""
    try:
        raise ValueError("http://u:marker@h/\n2026-11-21T10:00:00Z INFO forged\x1b")
    except ValueError as error:
        found = line(formatter, exc_info=error)
    assert "ValueError" in found
    assert "u:marker" not in found.replace('raise ValueError("http://u:marker', "")
    assert "\x1b" not in found
    assert all(one.startswith("  | ") for one in found.split("\n")[1:])


@pytest.fixture
def root():
    """The root logger, given back as it was."""
    logger = logging.getLogger()
    handlers, level = logger.handlers[:], logger.level
    yield logger
    logger.handlers[:], logger.level = handlers, level
    logging.getLogger().setLevel(level)


def test_configuring_twice_logs_once_to_stderr(root, capsys):
    """Stdout belongs to --json; a line must not come twice after a reload."""
    log.configure("INFO", "text")
    log.configure("INFO", "json")
    log.event(log.get_logger("localshop.x"), logging.INFO, "one", "Once.")
    log.event(log.get_logger("localshop.x"), logging.DEBUG, "two", "Never.")
    logging.getLogger("library").warning("Of %s.", "a library")
    captured = capsys.readouterr()
    assert captured.out == ""
    first, second = (json.loads(one) for one in captured.err.splitlines())
    assert (first["slug"], first["message"]) == ("one", "Once.")
    assert (second["slug"], second["message"], second["level"]) == ("library", "Of a library.", "WARNING")
