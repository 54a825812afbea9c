"""Takes secrets out of text that is about to be logged."""

from __future__ import annotations

import re

HIDDEN = "***"

_SECRET_NAMES = re.compile(r"(?i)(?:authorization|cookie|password|passwd|secret|token|api_?key)")

# Quantifiers that can be tried in vain are bounded: a client chooses some of this text, and must not
# choose how long we search.
_PATTERNS = (
    # The whole value of a header, as HTTP writes it, or as the repr of a dictionary or of ASGI's pairs.
    (
        re.compile(
            r"""(?ix) (\b (?: (?:proxy-)?authorization | (?:set-)?cookie ) \b ["']? \s{0,4} [:=,] \s{0,4})
            (?: b?"[^"\n]{0,8192}"? | b?'[^'\n]{0,8192}'? | [^"'\n][^\n]{0,8192} )"""
        ),
        rf"\1{HIDDEN}",
    ),
    # The same credentials without their header's name. Base64 has an upper-case letter or a digit
    # early on, "basic authentication" has none.
    (
        re.compile(r"\b((?i:basic|bearer)\s{1,4})(?=[a-z._~-]{0,64}[A-Z0-9+/=])[A-Za-z0-9+/=._~-]{4,8192}"),
        rf"\1{HIDDEN}",
    ),
    # A secret key of ours, wherever it stands.
    (re.compile(r"\blsp_[A-Za-z0-9_-]{1,512}"), f"lsp_{HIDDEN}"),
    # Tokens in a query, and the signatures of signed URLs.
    (
        re.compile(
            r"""(?i)([?&;][\w.-]{0,40}(?:token|secret|password|passwd|signature|credential|api_?key)=)"""
            r"""[^\s&;"'<>]{1,4096}"""
        ),
        rf"\1{HIDDEN}",
    ),
)

# What follows "://", to the end of the word or the next "://"; ``_without_userinfo`` looks into it.
_URL = re.compile(r"""(?<=://)(?:(?!://)[^\s"'<>])+""")


def redact(text: str) -> str:
    """Give ``text`` with ``***`` for what authorises: headers, passwords in URLs, keys of ours, tokens."""
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return _URL.sub(_without_userinfo, text) if "@" in text else text


def is_secret_name(name: str) -> bool:
    """Whether the value of a field of this name is never shown."""
    return _SECRET_NAMES.search(name) is not None


def _without_userinfo(found: re.Match[str]) -> str:
    url = found[0]
    authority = re.split("[/?#]", url, maxsplit=1)[0]
    _, colon, port = authority.rpartition(":")
    # "name:pass/word@host" is no URL, but people write it; "host:8000/path@x" is one.
    if "@" not in authority and (not colon or not port or port.isdigit()):
        return url
    reach = len(authority) if "@" in authority else len(url)
    end = url.rfind("@", 0, reach)
    return url if end < 0 else f"{HIDDEN}{url[end:]}"
