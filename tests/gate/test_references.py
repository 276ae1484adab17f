"""Character references, beside parsers that read them as browsers do."""

from __future__ import annotations

import html

import turbohtml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from consent.gate.references import in_attribute, in_text

_PARTS = st.sampled_from(
    ["&", "#", "x", ";", "=", "amp", "lt", "gt", "g", "tag(", "copy", "notin", "not", "period", "Tab", "shy", "47", "2f", "11", "1", "128",
     "129", "0", "d800", "110000", "fdd0", "9" * 9, "colon;", "CounterClockwiseContourIntegral;", "fjlig;", " ", "/", "A", "é"]
)  # fmt: skip


@settings(deadline=None, max_examples=500)
@given(st.lists(_PARTS, max_size=8).map("".join))
@example("a&&gtag(1)")
@example("&#11;&#1;&#128;&#x81;&#xfdd0;&#0;&#xd800;&#99999999999;")
@example("&lt=&lt;=&ltx&lt&copy&copy;x&notin;&notit;")
def test_references_are_undone_as_parsers_do(text: str) -> None:
    tag = turbohtml.parse(f'<p title="{text}">').find("p")
    lexbor = LexborHTMLParser(f'<p title="{text}">').css_first("p")
    assert tag is not None
    assert lexbor is not None
    assert in_attribute(text) in {str(tag.attrs["title"]), lexbor.attributes["title"] or ""}
    tag = turbohtml.parse(f"<title>{text}</title>").find("title")
    assert tag is not None
    assert in_text(text).strip() == tag.text.strip()


def test_a_reference_of_a_million_digits_is_read_at_once() -> None:
    assert in_attribute("&#" + "1" * 1_000_000 + ";") == "\ufffd"
    assert in_attribute("&#" + "0" * 1_000_000 + "47;") == "/"
    assert in_attribute("&" + "a" * 1_000_000) == "&" + "a" * 1_000_000


@given(st.text(alphabet="abc=&;", max_size=20))
def test_what_has_no_reference_stays(text: str) -> None:
    assert in_attribute(text.replace("&", "")) == text.replace("&", "")
    assert in_attribute(html.escape(text)) == text
