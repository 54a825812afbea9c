"""What a client's user agent calls itself, out of a small set: enough to know a build from a browser."""

from __future__ import annotations

_KNOWN = {
    name.encode(): name
    for name in (
        *("bandersnatch", "conda", "curl", "devpi-server", "hatch", "pdm", "pex", "pip", "pixi", "poetry"),
        *(
            "python-httpx",
            "python-requests",
            "python-urllib",
            "renovate",
            "setuptools",
            "twine",
            "uv",
            "wget",
        ),
    )
} | {b"mozilla": "browser", b"unearth": "pdm", b"dependabot-core": "dependabot"}


def installer(user_agent: bytes) -> str:
    """The name of an installer or other tool, ``other`` for one that we do not know, empty for none.

    The rest of the header, such as pip's account of the machine that it runs on, is kept nowhere.
    """
    if not user_agent:
        return ""
    return _KNOWN.get(user_agent.partition(b"/")[0].lower(), "other")
