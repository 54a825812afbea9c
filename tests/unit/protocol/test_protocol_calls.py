"""XML-RPC calls: those of pip are read, all others are told what is wrong, and nothing expands."""

from __future__ import annotations

import contextlib
from xmlrpc import client

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localshop.protocol.calls import NOT_WELL_FORMED, BadCallError, Call, answer, fault, read

BOMB = (
    "<?xml version='1.0'?><!DOCTYPE m [<!ENTITY a 'xxxxxxxxxx'><!ENTITY b '&a;&a;&a;&a;'>]>"
    "<methodCall><methodName>&b;</methodName></methodCall>"
)
FILE = "<!DOCTYPE m [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><methodCall><methodName>&a;</methodName></methodCall>"


def test_a_call_of_pip_is_read():
    body = client.dumps(({"name": ["dé", "mo"], "summary": ["x"]}, "or"), "search").encode()
    assert read(body) == Call("search", ({"name": ["dé", "mo"], "summary": ["x"]}, "or"))


@pytest.mark.parametrize("body", [BOMB, FILE, "<!DOCTYPE html><html></html>"])
def test_a_document_type_is_refused(body):
    """A few bytes must not become gigabytes, nor a file of this machine."""
    with pytest.raises(BadCallError, match="no document type") as caught:
        read(body.encode())
    assert caught.value.code == NOT_WELL_FORMED


def _is_read_or_refused(body):
    with contextlib.suppress(BadCallError):
        assert isinstance(read(body), Call)


PIECES = [
    "<?xml version='1.0'?>",
    "<fault>",
    "&#x41;",
    "&amp;",
    "9" * 5000,
    "1e999",
    "x",
    "20240101T00:00:00",
] + [
    tag.format(name)
    for name in (
        *(
            "methodCall",
            "methodName",
            "methodResponse",
            "params",
            "param",
            "value",
            "int",
            "double",
            "string",
        ),
        *("struct", "member", "name", "array", "data", "boolean", "base64", "dateTime.iso8601", "nil", "a"),
    )
    for tag in ("<{}>", "</{}>")
]


@given(st.binary() | st.lists(st.sampled_from(PIECES), max_size=30).map(lambda each: "".join(each).encode()))
def test_no_body_is_anything_but_read_or_refused(body):
    _is_read_or_refused(body)


@pytest.mark.parametrize(
    "kind", ["int", "double", "boolean", "base64", "dateTime.iso8601", "bigdecimal", "i8"]
)
@pytest.mark.parametrize("text", ["", "x", "9" * 6000, "1e999", "é", "-"])
def test_a_value_that_is_none_is_refused(kind, text):
    body = (
        f"<methodCall><methodName>search</methodName><params><param><value><{kind}>{text}</{kind}></value>"
        "</param></params></methodCall>"
    )
    _is_read_or_refused(body.encode())


def test_a_deep_body_does_not_overflow():
    inner = "<value><array><data>" * 3000 + "</data></array></value>" * 3000
    _is_read_or_refused(
        f"<methodCall><methodName>m</methodName><params><param>{inner}</param></params></methodCall>".encode()
    )


@given(st.text())
def test_answers_and_faults_are_xml_whatever_a_summary_says(text):
    """A summary with a control character must not make the whole answer unreadable."""
    [[found]], _ = client.loads(answer([{"summary": text}]))
    assert set(found) == {"summary"}
    with pytest.raises(client.Fault):
        client.loads(fault(1, text))
