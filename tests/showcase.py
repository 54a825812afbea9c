"""A localshop that looks as if a company had used it for a while: for screenshots and the browser's tour.

with showcase(place) as house:
    house.url, house.localshop, house.upstream
    # grace is its administrator; linus owns, ada develops; their password is PASSWORD.
"""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from command_line import CommandLine
from distributions import Distribution, sdist, wheel
from fake_upstream import FakeUpstream
from servers import serve
from upload_form import upload_of

PASSWORD = "open sesame please"
LONG = "mission-critical-internal-tools-of-the-northern-division"
LONG_NAME = "acme-enterprise-resource-planning-connector-for-legacy-mainframe-systems-and-other-things"

_README = """
# Acme Billing

Invoices, dunning and **VAT** for every country that we sell to. See the [handbook](https://docs.example.com/).

![A chart](https://example.com/chart.png)

## Quick start

```python
from acme_billing import Invoice

invoice = Invoice(customer="C-1024", currency="EUR")
invoice.add("Consulting, a line that is so long that no telephone could ever show the whole of it", 1200)
invoice.send()
```

| Country | VAT | Reverse charge | Notes that make this table a wide one |
|---|---|---|---|
| Germany | 19 % | yes | Since January, the reduced rate is 7 % for books, journals and newspapers |
| Netherlands | 21 % | yes | |

1. Make an invoice.
2. Send it.
   - by mail
   - by fax

> Money is kept as `Decimal`, never as `float`.
"""
_SAYS = (
    ("Summary", "Invoices, dunning and VAT for every country that we sell to"),
    ("Author-email", "Team Platform <platform@example.com>"),
    ("License-Expression", "LicenseRef-Proprietary"),
    ("Keywords", "billing,invoices,vat"),
    ("Classifier", "Development Status :: 5 - Production/Stable"),
    ("Classifier", "Programming Language :: Python :: 3"),
    ("Project-URL", "Documentation, https://docs.example.com/billing/"),
    ("Project-URL", "Source, https://git.example.com/acme/billing"),
    ("Project-URL", "Trap, javascript:alert(1)"),
    ("Provides-Extra", "pdf"),
    ("Requires-Dist", "reportlab>=4 ; extra == 'pdf'"),
    ("Description-Content-Type", "text/markdown"),
)


@dataclass(frozen=True)
class Showcase:
    """Where it serves, and what it serves."""

    url: str
    localshop: CommandLine
    upstream: FakeUpstream


@contextmanager
def showcase(place: Path, **environ: str) -> Iterator[Showcase]:
    localshop = CommandLine(place / "home").with_tables()
    with FakeUpstream() as upstream:
        environ |= {"LOCALSHOP_UPSTREAM_URL": upstream.url, "LOCALSHOP_ADMIN_PASSWORD": PASSWORD}
        environ |= {"LOCALSHOP_EMAIL_URL": "console:"}
        localshop.good("init", "--username", "admin", **environ)
        _fill_upstream(upstream)
        _run("rows", localshop, environ)
        with serve(localshop, **environ) as running:
            _upload_all(running.url)
            _mirror_all(running.url)
            # Whoever looks first has the README rendered.
            with urllib.request.urlopen(f"{running.url}/repositories/default/packages/acme-billing/"):
                pass
            localshop.good("jobs", "wait", "--timeout", "30", **environ)
            _run("trouble", localshop, environ)
            yield Showcase(running.url, localshop, upstream)
            running.stop()


def _run(what: str, localshop: CommandLine, environ: dict[str, str]) -> None:
    program = Path(__file__).with_name("showcase_rows.py")
    variables = localshop.environ(DJANGO_SETTINGS_MODULE="localshop.settings", **environ)
    subprocess.run([sys.executable, str(program), what], env=variables, check=True, timeout=60)


def _upload_all(url: str) -> None:
    for minor in range(24):
        upload(
            url,
            "default",
            wheel("acme-billing", f"1.{minor}", requires=_REQUIRES, fields=_SAYS, readme=_README),
        )
    upload(url, "default", sdist("acme-billing", "1.23", requires=_REQUIRES, fields=_SAYS, readme=_README))
    upload(url, "default", wheel("acme-billing", "2.0rc1", requires=_REQUIRES, fields=_SAYS, readme=_README))
    upload(url, "default", wheel(LONG_NAME, "2026.11.24.post20261124093012", size=3_000_000))
    upload(url, "default", wheel("left-pad", "1.3.0", fields={"Summary": "Pads on the left"}))
    upload(url, "internal", wheel("acme-design-tokens", "0.4.1", fields={"Summary": "Colours and spaces"}))


_REQUIRES = ("requests>=2.31", "pydantic[email]>=2.7,<3 ; python_version >= '3.11'", "sqlalchemy~=2.0")


def _fill_upstream(upstream: FakeUpstream) -> None:
    numbers = [f"{major}.{minor}.0" for major in (1, 2) for minor in range(0, 30, 2)]
    for name, summary in _PUBLIC.items():
        for number in numbers if name == "numpy" else numbers[:4]:
            fields = {"Summary": summary, "License-Expression": "BSD-3-Clause"}
            for tag in (
                "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64",
                "cp312-cp312-macosx_14_0_arm64",
            ):
                upstream.add(wheel(name, number, tag=tag, fields=fields, requires_python=">=3.9"))
            held = upstream.add(sdist(name, number, fields=fields, requires_python=">=3.9"))
            held.yanked = "Wrong answers on ARM" if number == "1.2.0" else False


_PUBLIC = {
    "numpy": "Fundamental package for array computing in Python",
    "requests": "Python HTTP for Humans.",
    "flask": "A simple framework for building complex web applications.",
    "typing-extensions": "Backported and Experimental Type Hints for Python 3.9+",
}


def _mirror_all(url: str) -> None:
    """Ask as an installer would: for pages, and for some of the files."""
    for name in _PUBLIC:
        with urllib.request.urlopen(f"{url}/repo/default/{name}/", timeout=30) as answer:
            page = answer.read().decode()
        for path in [part.split("#")[0] for part in page.split('href="')[1:3]]:
            file = path.split('"')[0]
            with urllib.request.urlopen(f"{url}{file}", timeout=30) as answer:
                answer.read()
            if ".whl" in file:
                with urllib.request.urlopen(f"{url}{file}.metadata", timeout=30) as answer:
                    answer.read()


def upload(url: str, slug: str, distribution: Distribution) -> None:
    headers, body = upload_of(distribution)
    pair = b64encode(f"admin:{PASSWORD}".encode()).decode()
    request = urllib.request.Request(
        f"{url}/repo/{slug}/", body, headers | {"Authorization": f"Basic {pair}"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200
