"""What pages are written in, as HTML and as plain text."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.help.codes import template
from app.help.markdown import links, plain_text, to_html

PAGE = """# Title

First line
goes on. Press **Run…** or `arcxo run <NAME>`; see [more](more.md).

1. One
2. Two
   - below
   goes on
3. Three

> Do not erase.

| Key | What |
|---|---|
| F1 | **help** |

```
arcxo a <b>
  c
```
"""


def test_a_page_becomes_html_with_everything_in_it() -> None:
    html = to_html(PAGE)
    assert "<h1>Title</h1>" in html
    assert "First line goes on. Press <b>Run…</b> or <code>arcxo run &lt;NAME&gt;</code>" in html
    assert '<a href="more.md">more</a>' in html
    assert "<th>Key</th>" in html
    assert "<td><b>help</b></td>" in html
    assert "<pre>arcxo a &lt;b&gt;\n  c</pre>" in html
    assert "Do not erase." in html
    assert html.count("<ol>") == html.count("</ol>") == 1
    assert html.count("<li>") == html.count("</li>") == 4


def test_a_page_becomes_plain_text() -> None:
    assert plain_text(PAGE) == (
        "TITLE\n\nFirst line goes on. Press Run… or arcxo run <NAME>; see more.\n\n1. One\n2. Two\n"
        "   - below goes on\n3. Three\n\n! Do not erase.\n\nKey  What\nF1   help\n\n"
        "    arcxo a <b>\n      c\n"
    )


def test_plain_text_keeps_to_a_width() -> None:
    text = plain_text("# A\n\n- " + "word " * 60, 40)
    assert max(map(len, text.split("\n"))) <= 40
    assert text.split("\n")[3].startswith("  word")


def test_html_in_a_page_is_shown_and_not_obeyed() -> None:
    assert "<script" not in to_html("a <script>alert(1)</script> [x](javascript:alert(1)) **<b>**")


def test_links_are_found_outside_of_code_alone() -> None:
    assert links("[a](b.md) `x`\n```\n[c](d.md)\n```\n") == ["b.md"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Scenario {name} is *new*", r"Scenario *NAME* is \*new\*"),
        ("Run `arcxo job show {job_id}`.", "Run `arcxo job show JOB_ID`."),
        ("a `b", r"a \`b"),
    ],
)
def test_templates_of_messages_show_their_parameters(text: str, expected: str) -> None:
    assert template(text) == expected


class _Strict(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@settings(max_examples=150, deadline=None)
@example("||\n")
@example("|---|")
@given(st.text(alphabet="ab*`[]()|#>-1. \n\\_<&", max_size=120))
def test_any_text_becomes_whole_html(text: str) -> None:
    parser = _Strict()
    parser.feed(to_html(text))
    parser.close()
    assert parser.open == []
    plain_text(text, 40)
