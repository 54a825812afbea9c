"""XML-RPC, as ``pip search`` speaks it: reads a call, writes an answer or a fault.

The codec is the standard library's. Its parser is not used: a document type can make a few bytes of XML
expand to any size, so whatever has one is refused here, and with it every entity but XML's own five.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NoReturn
from xml.parsers import expat
from xmlrpc import client

# As XML-RPC's extension "Specification for Fault Code Interoperability" numbers them.
NOT_WELL_FORMED = -32700
INVALID_CALL = -32600
NO_SUCH_METHOD = -32601
INVALID_PARAMETERS = -32602

# Characters that XML 1.0 cannot say, escaped or not.
_UNSPEAKABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class BadCallError(Exception):
    """A call that is answered with a fault."""

    def __init__(self, code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True, slots=True)
class Call:
    """A method and its parameters, which may be anything that XML-RPC can say."""

    method: str
    parameters: tuple[Any, ...]


def read(body: bytes) -> Call:
    """Read a call; raises ``BadCallError``."""
    reading = client.Unmarshaller()
    # What the parser hands over is decoded already.
    reading.xml(None, None)  # type: ignore[arg-type]  # It is how the library's own parser calls it.
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse
    parser.StartElementHandler = reading.start
    parser.EndElementHandler = reading.end
    parser.CharacterDataHandler = reading.data
    try:
        parser.Parse(body, True)
        parameters = reading.close()
    except BadCallError:
        raise
    except Exception as error:
        # The codec converts as it reads, and lets through whatever a conversion raises.
        raise BadCallError(NOT_WELL_FORMED, "The body is no XML-RPC call.") from error
    method = reading.getmethodname()
    if not isinstance(method, str):
        raise BadCallError(INVALID_CALL, "The body names no method.")
    return Call(method, tuple(parameters))


def answer(value: object) -> bytes:
    """Write what a call gives: strings, integers, lists and dictionaries of them."""
    return client.dumps((_speakable(value),), methodresponse=True).encode()


def fault(code: int, sentence: str) -> bytes:
    """Write a failed call's answer."""
    return client.dumps(client.Fault(code, _UNSPEAKABLE.sub("\ufffd", sentence))).encode()


def _refuse(*_: object) -> NoReturn:
    raise BadCallError(NOT_WELL_FORMED, "A call has no document type.")


def _speakable(value: object) -> Any:
    if isinstance(value, str):
        return _UNSPEAKABLE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {key: _speakable(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_speakable(one) for one in value]
    return value
