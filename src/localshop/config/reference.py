"""Texts made from the declarations: the reference page, and the file that ``localshop init`` writes."""

from __future__ import annotations

import json
import textwrap

from localshop.config.declared import SETTINGS, Derived, Setting

_INTRODUCTION = """\
# Settings

<!-- Made by scripts/reference from src/localshop/config/declared.py; do not edit. -->

A setting is given in the environment or in `localshop.conf.py` in the home; the environment wins. The home
is `~/.localshop`, or the directory that `LOCALSHOP_HOME` names in the environment.

- `localshop.conf.py` is Python: `LOCALSHOP_OFFLINE = True`, `LOCALSHOP_TRUSTED_PROXIES = ["10.0.0.1"]`. Use
  lower-case names for helpers. `None` means not set.
- In the environment lists are comma-separated, and empty text means none where none is the default.
- A secret can be kept in a file of its own: `LOCALSHOP_SECRET_KEY_FILE=/run/secrets/key` in the environment,
  and likewise for every setting marked *secret*.
- A malformed value stops the start with a sentence that names the setting and the value. An unknown
  `LOCALSHOP_…` name stops it in the file; in the environment it is a warning with the nearest name, because
  Kubernetes injects such variables.
- Other upper-case names in the file are handed to Django's settings, where the library of a storage looks for
  its own (`AWS_STORAGE_BUCKET_NAME`). Names of Django's own settings are ignored with a warning.
"""

_TEMPLATE_INTRODUCTION = """\
# The settings of this localshop, in Python. Take the "# " off a line to set it. The environment variable of
# the same name wins. This file may hold passwords: keep it to yourself (mode 600).
"""


def reference() -> str:
    """Give ``docs/reference/settings.md``, in Markdown: one section a setting."""
    return "\n".join([_INTRODUCTION, *(_section(one) for one in SETTINGS)])


def conf_template() -> str:
    """Give a ``localshop.conf.py`` in which everything is commented out, with its default or an example."""
    return "\n".join([_TEMPLATE_INTRODUCTION, *(_commented(one) for one in SETTINGS)])


def _section(setting: Setting) -> str:
    secret = " *Secret.*" if setting.secret else ""
    value = setting.example
    # In the environment it is JSON, which Python takes too.
    shown = json.dumps(value) if isinstance(value, dict) else value
    example = "" if value in (None, "") else f"- Example: `{shown}`\n"
    return (
        f"## {setting.name}\n\n{setting.about}{secret}\n\n"
        f"- Value: {setting.kind.wanted}\n- Default: {_default(setting)}\n{example}"
    )


def _commented(setting: Setting) -> str:
    value = setting.default if setting.example is None else setting.example
    shown = list(value) if isinstance(value, tuple) else value
    about = f"{setting.about} Default: {_default(setting)}."
    assignment = f"{setting.name} = {shown!r}".replace("'", '"')
    return f"{textwrap.fill(about, 106, initial_indent='# ', subsequent_indent='# ')}\n# {assignment}\n"


def _default(setting: Setting) -> str:
    if isinstance(setting.default, Derived):
        return setting.default.says
    if setting.default in ("", ()):
        return "none"
    value = setting.default
    return f"`{', '.join(value) if isinstance(value, tuple) else value}`"
