"""The reference page of the settings says what the code says."""

from __future__ import annotations

from pathlib import Path

from localshop.config import SETTINGS
from localshop.config.reference import reference

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"


def test_the_page_is_up_to_date():
    """Run scripts/reference when this fails."""
    assert PAGE.read_text(encoding="utf-8") == reference()


def test_every_setting_is_explained_in_a_sentence_or_two():
    """A user finds each setting, with its default, in the page."""
    for setting in SETTINGS:
        assert f"\n## {setting.name}\n" in reference()
        assert 1 <= setting.about.count(". ") + 1 <= 3
        assert setting.about.endswith(".")
