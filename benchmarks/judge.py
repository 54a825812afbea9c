"""What the judge costs, in CPU: for a page of 5,000 files with every rule on, and for a file that is stored.

Everything runs in this process: the page's own work (reading the document, writing JSON) is not in it.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import tempfile
import time
from dataclasses import replace
from types import SimpleNamespace

# Its rooms are below Django's, and Django reads its settings when it is first asked.
HOME = tempfile.TemporaryDirectory(prefix="localshop-benchmark-")
os.environ["LOCALSHOP_HOME"] = HOME.name
os.environ["LOCALSHOP_SECRET_KEY"] = secrets.token_urlsafe(48)
os.environ["DJANGO_SETTINGS_MODULE"] = "localshop.settings"

import django

django.setup()

from processes import conditions, median, table

from localshop.policies.judge import Judge
from localshop.policies.records import Case, Finding, Pass
from localshop.policies.rules import NO_RULES, read
from localshop.protocol.affected import Affected
from localshop.protocol.document import Document, Entry
from localshop.protocol.filenames import version_or_none
from localshop.shelf.assemble import Parts, assemble, subjects
from localshop.shelf.hearing import Hearing, heard
from localshop.shop.cache import Cache

FILES = 5_000
TURNS = 9
NOW = time.time()
EVERY_RULE = read(
    {
        "block": {"entries": ["sample<0.3", "evil-*", *(f"bad-{number}" for number in range(200))]},
        "advisories": {"malicious": "hide"},
        "vulnerable": {"severity": "high"},
        "first-seen": {},
        "freeze": {"date": "2099-01-01"},
        "cooldown": {"days": 14},
        "gone": {},
        "yanked": {},
        "kinds": {"hide": ["sdist"]},
        "licences": {"allow": ["MIT", "Apache-2.0", "BSD-*"], "unknown": "allow"},
        "allow": {"entries": ["sample==1.7", *(f"good-{number}" for number in range(200))]},
    }
)
# As many as the worst projects have.
FINDINGS = [
    Finding(
        f"PYSEC-2026-{number}",
        Affected(((("introduced", f"{number}.2"), ("fixed", f"{number}.9")),), frozenset()),
        malicious=number % 20 == 0,
        severity=number % 10,
    )
    for number in range(1, 101)
]


def main():
    print(conditions())
    print()
    print(report())


def report():
    head = [
        f"{FILES:,} files",
        "judged, CPU ms",
        "told of, CPU ms",
        "page put together, CPU ms",
        "a stored file, CPU µs",
    ]
    rules = {"no rules": NO_RULES, "every rule on": EVERY_RULE}
    return table(head, [[name, *measured(made(one))] for name, one in rules.items()])


def measured(parts):
    told = [subject for _, subject in subjects(parts)]
    for work in (
        lambda: judge_all(parts, told),
        lambda: list(subjects(parts)),
        lambda: assemble(replace(parts, judge=fresh(parts)), NOW),
    ):
        yield f"{median(cpu(work) for _ in range(TURNS)) * 1e3:.1f}"
    yield one_file(parts)


def made(rules):
    entries = [entry(number) for number in range(FILES)]
    licences = {f"{number // 40}.{number // 2 % 20}": "MIT OR Apache-2.0" for number in range(0, FILES, 2)}
    return Parts(
        "sample",
        own=(),
        document=Document("sample", tuple(entries)),
        judge=judge(rules),
        base="/repo/default/",
        licences=licences,
        since=NOW,
    )


def entry(number):
    """Two files a version: a wheel and an sdist."""
    version = f"{number // 40}.{number // 2 % 20}"
    name = f"sample-{version}.tar.gz" if number % 2 else f"sample-{version}-py3-none-any.whl"
    digest = f"{number:064x}"
    return Entry(
        filename=name,
        url=f"https://files.example/packages/aa/bb/{digest}/{name}",
        path=f"aa/bb/{digest}",
        sha256=digest,
        size=1000,
        upload_time=f"20{10 + number // 400:02}-0{1 + number % 9}-03T04:05:06.123456Z",
    )


def judge(rules):
    """As it is made for every page: it remembers nothing of the last one."""
    passes = [Pass("1.5", NOW + 86_400), Pass("9.9", NOW - 1)]
    told = {"passes": passes, "findings": FINDINGS} if rules is not NO_RULES else {}
    return Judge(rules, Case("sample", used=True, **told))


def fresh(parts):
    return judge(EVERY_RULE if parts.judge.lenient is False else NO_RULES)


def judge_all(parts, told):
    """As for a project that nobody has asked for yet: none of its versions was read before."""
    version_or_none.cache_clear()
    one = fresh(parts)
    one.learn({subject.version for subject in told})
    for subject in told:
        one.until(subject, NOW)


def one_file(parts):
    """The whole verdict, sentence and all, from the hearing in memory."""

    hearing = Hearing(
        replace(parts, own=(), document=None), {one.place: told for one, told in subjects(parts)}
    )
    shop = SimpleNamespace(hearings=Cache(100_000))
    repository = SimpleNamespace(rules=SimpleNamespace(mark="mark"))
    shop.hearings.put(1, hearing, weight=FILES, state=(1, "mark"))
    places = list(hearing.known)[:FILES]

    async def ask():
        for path, filename in places:
            found = await heard(shop, repository, "sample", project_id=1, serial=1)
            found.verdict_at(path, filename, NOW)

    return f"{median(cpu(lambda: asyncio.run(ask())) for _ in range(TURNS)) / FILES * 1e6:.1f}"


def cpu(work):
    before = time.process_time()
    work()
    return time.process_time() - before


if __name__ == "__main__":
    main()
