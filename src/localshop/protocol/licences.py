"""What a METADATA says of its licence, as an SPDX expression, where a machine can read it (PEP 639)."""

from __future__ import annotations

import re

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

LONGEST = 300

_FIELD = re.compile(r"(License-Expression|License|Classifier)[ \t]*:[ \t]*(.*?)[ \t]*\r?\Z", re.IGNORECASE)
_BREAK = re.compile(r"\r\n|\r|\n")
# Classifiers that mean one licence and no other. "BSD License" means three, so it is not among them.
_CLASSIFIERS = {
    "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication": "CC0-1.0",
    "OSI Approved :: Boost Software License 1.0 (BSL-1.0)": "BSL-1.0",
    "OSI Approved :: Eclipse Public License 2.0 (EPL-2.0)": "EPL-2.0",
    "OSI Approved :: European Union Public Licence 1.2 (EUPL 1.2)": "EUPL-1.2",
    "OSI Approved :: GNU Affero General Public License v3": "AGPL-3.0-only",
    "OSI Approved :: GNU Affero General Public License v3 or later (AGPLv3+)": "AGPL-3.0-or-later",
    "OSI Approved :: GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "OSI Approved :: GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "OSI Approved :: GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "OSI Approved :: GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "OSI Approved :: GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.0-or-later",
    "OSI Approved :: GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "OSI Approved :: GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "OSI Approved :: ISC License (ISCL)": "ISC",
    "OSI Approved :: MIT License": "MIT",
    "OSI Approved :: MIT No Attribution License (MIT-0)": "MIT-0",
    "OSI Approved :: Mozilla Public License 1.1 (MPL 1.1)": "MPL-1.1",
    "OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "OSI Approved :: The Unlicense (Unlicense)": "Unlicense",
    "OSI Approved :: zlib/libpng License": "Zlib",
}


def licence_of(metadata: bytes) -> str:
    """Give the licence of a release by its METADATA; "" where it says none that a machine can read.

    What is written as an expression counts, then a ``License`` that is one, then a classifier, if there is
    just one that means one licence.
    """
    told: dict[str, list[str]] = {}
    for line in _BREAK.split(metadata.decode("utf-8", "replace")):
        if not line:
            break
        if found := _FIELD.match(line):
            told.setdefault(found[1].lower(), []).append(found[2])
    for field in ("license-expression", "license"):
        values = told.get(field, [])
        if len(values) == 1 and (expression := _expression(values[0])):
            return expression
    classified = [text[11:] for text in told.get("classifier", []) if text.startswith("License :: ")]
    known = [_CLASSIFIERS.get(text, "") for text in classified if text != "OSI Approved"]
    return known[0] if len(known) == 1 else ""


def _expression(text: str) -> str:
    if len(text) > LONGEST:
        return ""
    try:
        found: str = canonicalize_license_expression(text)
    except InvalidLicenseExpression:
        return ""
    return found if len(found) <= LONGEST else ""
