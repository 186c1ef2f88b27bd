"""HTML pieces: nothing that goes in as text comes out as an element, and our Markdown comes out whole."""

from __future__ import annotations

from html.parser import HTMLParser

from committed import ROOT
from hypothesis import given
from hypothesis import strategies as st

from getspec.emit import html

HOSTILE = "<script>alert(1)</script>&\"'`|*_[x](y)<!--\x1b\u202e"


class Seen(HTMLParser):
    """The elements and the words of a piece of HTML."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[str] = []
        self.words = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)

    def handle_data(self, data: str) -> None:
        self.words += data

    def handle_comment(self, data: str) -> None:
        self.elements.append("comment")


@given(st.text(min_size=1, max_size=60))
def test_text_stays_text_wherever_it_stands(words: str) -> None:
    made = html.element("p", words, html.code(words), class_="a", aria_label=words)
    assert Seen(made).elements == ["p", "code"]
    head, rows = ("name", words), [(words, words)]
    assert Seen(html.table(head, rows, "<>", caption=words)).elements == (
        ["table", "caption", "thead", "tr", "th", "th", "tbody", "tr", "th", "td"]
    )


@given(st.text(max_size=60))
def test_no_markdown_makes_an_element_that_is_not_ours(words: str) -> None:
    ours = {"p", "ul", "li", "pre", "table", "thead", "tbody", "tr", "th", "td", "code", "strong"}
    ours |= {f"h{level}" for level in range(1, 7)}
    for source in (words, f"| {words} |\n| --- |\n| {words} |", f"- {words}\n# {words}"):
        assert set(Seen(html.markdown(source)).elements) <= ours


def test_what_nobody_sees_is_spelled_out() -> None:
    assert "\\x1b\\u202e" in html.text(HOSTILE)
    assert "\x1b" not in html.text(HOSTILE)


def test_attributes_are_left_out_or_bare() -> None:
    made = html.element("input", id=None, hidden=False, disabled=True, data_at="3")
    assert made == '<input disabled data-at="3"></input>'


def test_a_table_has_heads_for_its_rows_and_columns() -> None:
    made = html.table(("part", "n"), [("a", "1"), ("b", "2")], "<>", levels=[0, 1])
    assert made == (
        '<table><thead><tr><th scope="col">part</th><th scope="col" class="n">n</th></tr></thead>'
        '<tbody><tr class="l0"><th scope="row">a</th><td class="n">1</td></tr>'
        '<tr class="l1"><th scope="row">b</th><td class="n">2</td></tr></tbody></table>'
    )


def test_markdown_keeps_its_parts() -> None:
    source = (
        "# One `a|b`\n\nA line \\*as\nit is\\|.\n\n- **first**, `x`\n- second\n\n"
        "| `n\\|m` | % |\n| --- | ---: |\n| &nbsp;a \\| b | 1 |\n\n```text\n**raw** <b>\n```"
    )
    assert html.markdown(source, level=2) == (
        "<h2>One <code>a|b</code></h2><p>A line *as it is|.</p>"
        "<ul><li><strong>first</strong>, <code>x</code></li><li>second</li></ul>"
        '<table><thead><tr><th scope="col"><code>n|m</code></th><th scope="col" class="n">%</th></tr></thead>'
        '<tbody><tr><th scope="row">&nbsp;a | b</th><td class="n">1</td></tr></tbody></table>'
        '<pre tabindex="0">**raw** &lt;b&gt;</pre>'
    )


def test_the_committed_comparison_loses_no_word() -> None:
    source = (ROOT / "docs" / "comparison.md").read_text(encoding="utf-8")
    seen = Seen(html.markdown(source)).words
    for figure in ("85,484,059", "+43,282,944", "GETRegionDiffusion", "100.00 %"):
        assert seen.count(figure) == source.count(figure), figure
