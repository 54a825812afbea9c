"""A page of plain tags is read without a parser; it must mean the same as with one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from localshop.protocol.links import Links

URL = "http://upstream.test/simple/demo/"
PIECES = st.sampled_from(
    [
        *("<!DOCTYPE html>", "<!doctype html>", "<html>", "</html>", "<HEAD lang='en'>", "<body\n>", "<h1>"),
        *('<meta name="pypi:repository-version" content="1.4">', '<META NAME="x" CONTENT="&lt;y&gt;"/>'),
        *(
            '<base href="/files/">',
            "<base href=/other/>",
            "<br/>",
            "<br />",
            "text",
            " > ",
            "&lt;a&gt;",
            "\n",
        ),
        *('<a href="demo-1.tar.gz#sha256=ab">demo-1.tar.gz</a>', '<A HREF="demo-2.whl" >', "</a >", "</A x>"),
        *(
            '<a href="a&amp;b.whl" data-requires-python="&gt;=3" data-requires-python="2">',
            '<a href="&#47;x.whl">',
        ),
        *('<a data-requires-python=">=3" href="y.whl" data-yanked="">', '<a\thref="z.whl" data-yanked>'),
        *(
            '<a href="&copy.whl">',
            '<a href="&#0;&#99999;.whl">',
            '<a href="un<closed.whl">',
            '<a href="x"y="z">',
        ),
        *('<a href="never', "<a href='single.whl'>", '<a/href="slash.whl">', '<a\u00a0href="nbsp.whl">', "<"),
        *(
            "<!-- ",
            " -->",
            "<script>",
            "</script>",
            "<textarea>",
            "</textarea>",
            "<![CDATA[",
            "]]>",
            "<?php ?>",
        ),
        *(
            '<a href="a.whl"/>',
            '<a href = "b.whl">',
            '<a\x00href="c.whl">',
            '<h1 href="d.whl">',
            '</a href="e.whl">',
        ),
    ]
)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_a_page_means_the_same_with_and_without_a_parser(text):
    quick, parsed = Links(URL), Links(URL)
    quick.read(text)
    parsed.feed(text)
    assert (quick.records, quick.metas, quick.base) == (parsed.records, parsed.metas, parsed.base)
