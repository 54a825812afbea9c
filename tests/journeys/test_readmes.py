"""READMEs: whatever is in them, the page shows it harmlessly, and the server does not suffer."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from markdown_it import MarkdownIt

from localshop.catalog import readmes
from localshop.jobs.readme_child import LARGEST_OUTPUT, clean
from localshop.jobs.render_readme import render

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '<a href="javascript:alert(1)">x</a>',
    "[x](javascript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    '<a href="java\tscript:alert(1)">x</a>',
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<iframe src=https://evil.example></iframe>",
    "<form action=/accounts/logout/ method=post><button>x</button></form>",
    "<style>body{display:none}</style>",
    '<div style="position:fixed;inset:0" class="top" id="main">x</div>',
    '<a href="//evil.example">x</a>',
    '<a href="/accounts/logout/">x</a>',
    '<meta http-equiv="refresh" content="0;url=https://evil.example">',
    "<base href=https://evil.example>",
    "![x](https://evil.example/track.png)",
    '<math><mtext><table><mglyph><style><img src=x onerror="alert(1)">',
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    '<div hx-get="/x" hx-trigger="load" data-confirm="x">x</div>',
]
EVIL = (
    "<script", "onerror=", "onload", "javascript:alert", "data:text", "<iframe", "<form", "<button", "<style",
    "style=", "class=", "id=", "<meta", "<base", "src=", "hx-get", "data-confirm", 'href="/',
)  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_html_is_harmless(text):
    html = clean(MarkdownIt("js-default", {"html": True}).render(text))
    tags = " ".join(re.findall(r"<[^>]*>", html))
    assert not [evil for evil in EVIL if evil in tags], html


async def test_markdown_is_rendered():
    html = await render("# Hi\n\n[x](https://a.example)\n\n|a|\n|-|\n|b|\n", "text/markdown; charset=UTF-8")
    assert "<h1>Hi</h1>" in html
    assert '<a href="https://a.example" rel="nofollow noopener">x</a>' in html
    assert "<td>b</td>" in html


def test_a_picture_is_not_loaded_but_told():
    html = clean('<p><img src="https://a.example/x.png" alt="Build &lt;script&gt; passing"><img src="x"></p>')
    assert html == "<p><em>Build &lt;script&gt; passing</em></p>"


async def test_rest_is_rendered_when_no_type_is_told():
    assert "<em>there</em>" in await render("Hi\n==\n\n*there*\n", "")


@pytest.mark.parametrize(
    "text",
    [
        "Hi\n==\n\n.. include:: /etc/passwd\n",
        "Hi\n==\n\n.. raw:: html\n   :file: /etc/passwd\n",
        "Hi\n==\n\n.. raw:: html\n\n   <script>alert(1)</script>\n",
        "Hi\n==\n\n.. csv-table::\n   :file: /etc/passwd\n",
        "Hi\n==\n\n.. figure:: https://evil.example/x.png\n",
    ],
)
async def test_rest_reads_no_file_and_lets_no_html_through(text):
    html = await render(text, "text/x-rst")
    assert "root:" not in html
    assert "<script" not in html
    assert "src=" not in html


async def test_plain_text_stays_plain():
    assert await render("<b>x</b>", "text/plain") == ""


@pytest.mark.parametrize(
    "text",
    ["[" * 200_000, "*a " * 300_000, "x\n" * 900_000, "<" * 2_000_000, "a" * (3 << 20), "`" * 100_000 + "a"],
    ids=["brackets", "stars", "lines", "large-output", "too-large", "backticks"],
)
async def test_a_readme_that_takes_too_much_is_cut_off(text):
    """It ends, and what it gives is not more than may be kept."""
    assert len(await render(text, "text/markdown")) <= LARGEST_OUTPUT


@pytest.mark.parametrize(
    "greedy", ["x = bytearray(300 << 20)", "while True: pass", "open('x', 'wb', buffering=0).write(b'x')"]
)
def test_the_process_cannot_take_more(greedy, tmp_path):
    """Memory, time and the disk, each beyond its limit."""
    code = f"from localshop.jobs.child import limit\nlimit(seconds=2, memory=256 << 20)\n{greedy}"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, timeout=30, check=False
    )
    assert done.returncode != 0


def test_what_was_rendered_is_forgotten_with_its_file(tables):
    readmes.save("a" * 64, "<p>x</p>")
    assert readmes.rendered("a" * 64) == "<p>x</p>"
    assert readmes.remove_unneeded() == 1
    assert readmes.rendered("a" * 64) is None
