"""The file that init writes: everything in it can be switched on."""

from __future__ import annotations

import re

from localshop import config
from localshop.config.reference import conf_template


def test_the_fresh_file_changes_nothing(tmp_path):
    """Writing the template is no setting of anything."""
    before = config.load(tmp_path, {})
    (tmp_path / "localshop.conf.py").write_text(conf_template())
    assert config.load(tmp_path, {}) == before
    names = set(re.findall(r"^# (LOCALSHOP_\w+) = ", conf_template(), re.MULTILINE))
    assert names == {one.name for one in config.SETTINGS}


def test_every_line_of_the_template_works_once_its_mark_is_taken_off(tmp_path):
    """A user who uncomments a line gets what the comment promises, not an error."""
    text = re.sub(r"^# (LOCALSHOP_\w+ = )", r"\1", conf_template(), flags=re.MULTILINE)
    (tmp_path / "localshop.conf.py").write_text(text)
    loaded = config.load(tmp_path, {})
    assert loaded.warnings == ()
    assert loaded.mount_path == "/packages"
    assert max(len(line) for line in text.splitlines()) <= 110
