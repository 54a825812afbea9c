"""What stands in the documentation to be copied: its blocks of code, so that tests can copy it too."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"


def blocks(page, language):
    """The blocks of code of one language in a page of the documentation, in order."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def exchange(text, example, value):
    """Put a value in the place of an example, which must be there."""
    assert example in text, f"{example!r} is no longer in the documentation"
    return text.replace(example, str(value))
