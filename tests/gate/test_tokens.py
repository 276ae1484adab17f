"""Tags, comments and raw texts are read as the HTML Standard's tokenizer reads them."""

from __future__ import annotations

import html

import pytest
import turbohtml
from hypothesis import given
from hypothesis import strategies as st

from consent.gate.tokens import comment_end, raw_text_end, read_tag, script_end

TAGS: list[bytes] = [
    b"<a>",
    b"<A HREF=X>",
    b"<a href=x>",
    b"<a href='x'>",
    b'<a href="x">',
    b"<a href = \n 'x' >",
    b"<a href=>",
    b"<a href= >",
    b"<a href>",
    b"<a href=x/>",
    b"<a href=/>",
    b"<a/href=x>",
    b"<a/ /href=x/id=y>",
    b"<script/src=//t.example/a.js>",
    b"<a href='x'id=y>",
    b'<a href="x""id=y>',
    b"<a href=x\"y'z>",
    b"<a href=x id=a id=b ID=c>",
    b"<a =x>",
    b"<a ==x>",
    b"<a x==y>",
    b'<a "=x>',
    b"<a '>",
    b"<a x'y=z>",
    b"<a <b=c>",
    b"<a<b>",
    b"<a\x0chref=x>",
    b"<a\nhref\n=\n'x\ny'>",
    b"<a title='>'>",
    b'<a title="<b>" href=`x>',
    b"<a href='&lt;&quot;'>",
    b"<a href=a&amp;b>",
    b"<a 1=2 :x=y @z=w>",
    b"<br/>",
    b"<br / >",
    b"<br x/>",
    b"<x-y.z:w>",
]


@pytest.mark.parametrize("written", TAGS)
def test_a_tag_has_the_name_and_attributes_that_a_parser_sees(written: bytes) -> None:
    tag = read_tag(written + b"text>", 1)
    assert tag is not None
    assert tag.end == len(written)
    node = next(iter(turbohtml.parse_fragment(written.decode()).iter_elements()))
    attributes: dict[str, str] = {}
    for attribute in tag.attributes:
        attributes.setdefault(attribute.name.decode(), html.unescape(attribute.value.decode()))
        assert written[attribute.at :].lower().startswith(attribute.name)
    seen = {name: " ".join(value) if isinstance(value, list) else value or "" for name, value in node.attrs.items()}
    assert (tag.name.decode(), attributes) == (node.tag, seen)


@given(st.text(alphabet="aB=\"'/> \t\n\x0c<-&;", max_size=24))
def test_any_tag_ends_where_a_parser_ends_it(text: str) -> None:
    page = f"<x{text}"
    tag = read_tag(page.encode(), 1)
    body = turbohtml.parse(page).find("body")
    assert body is not None
    nodes = list(body.iter_elements())
    if tag is None:
        assert not nodes
        return
    assert nodes[0].tag == tag.name.decode()
    names = dict.fromkeys(attribute.name.decode() for attribute in tag.attributes)
    assert list(nodes[0].attrs) == list(names)


def test_of_two_attributes_of_one_name_the_first_counts() -> None:
    tag = read_tag(b"<img SRC=a src=b>", 1)
    assert tag is not None
    assert tag.get(b"src") == b"a"
    assert tag.get(b"alt") is None


@pytest.mark.parametrize(
    ("written", "closes"),
    [
        (b"<a/>", True),
        (b"<a b/>", True),
        (b"<a b='c'/>", True),
        (b"<a b=c/>", False),
        (b"<a / >", False),
        (b"<a>", False),
    ],
)
def test_a_slash_closes_a_tag_only_where_it_is_not_part_of_a_value(written: bytes, closes: bool) -> None:
    tag = read_tag(written, 1)
    assert tag is not None
    assert tag.self_closing is closes


def test_a_nul_is_part_of_the_name_it_stands_in() -> None:
    tag = read_tag(b"<scr\0ipt s\0rc=x>", 1)
    assert tag is not None
    assert (tag.name, tag.attributes[0].name) == (b"scr\0ipt", b"s\0rc")


@pytest.mark.parametrize(
    "written", [b"<a", b"<a ", b"<a b", b"<a b=", b"<a b= ", b"<a b='>", b'<a b=">', b"<a b=c", b"<a /"]
)
def test_a_tag_that_the_data_ends_in_is_none(written: bytes) -> None:
    assert read_tag(written, 1) is None


def test_a_tag_that_is_longer_than_the_limit_is_none() -> None:
    assert read_tag(b"<a b=c>", 1, 7) is not None
    assert read_tag(b"<a b=c>", 1, 6) is None


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        (b"<!-->x", 5),
        (b"<!--->x", 6),
        (b"<!---->x", 7),
        (b"<!----->x", 8),
        (b"<!----!>x", 8),
        (b"<!---!>-->x", 10),
        (b"<!--!>-->x", 9),
        (b"<!-- --!>x", 9),
        (b"<!-- -- >-->x", 12),
        (b"<!-- <!-- -->x", 13),
        (b"<!--<!-->x", 9),
        (b"<!--<!->-->x", 11),
        (b"<!-- > -->x", 10),
        (b"<!--", None),
        (b"<!-- -", None),
        (b"<!-- --", None),
        (b"<!-- --!", None),
    ],
)
def test_a_comment_ends_where_the_standard_ends_it(text: bytes, ends: int | None) -> None:
    assert comment_end(text, 0) == ends
    after = turbohtml.parse(text.decode()).find("body").text  # type: ignore[union-attr]
    assert after == ("" if ends is None else text[ends:].decode())


@pytest.mark.parametrize(
    "text",
    [
        b"a</script>",
        b"a</SCRIPT >",
        b"a</script/x>",
        b"a</script\n>",
        b"</scriptx></script>",
        b"</scrip></script>",
        b"<script></script>",
        b"<!--</script>",
        b"<!--<script></script></script>",
        b"<!--<script></script>--></script>",
        b"<!--<script>--></script>",
        b"<!--<script>--!></script></script>",
        b"<!--<scriptx></script>",
        b"<!--<script/</script></script>",
        b"<!--<script <script></script></script>",
        b"<!--<SCRIPT\n></script\t></script>",
        b"<!--><script></script>",
        b"<!---><script></script>",
        b"<!-- --><script></script>",
        b"<!-- --><!--<script></script></script>",
        b"<!--<script><!--</script></script>",
        b"<!--<script></script><script></script></script>",
        b"<!--<script></script/<script></script></script>",
        b"<!-<script></script>",
        b"<!--<script></ script></script></script>",
        b"<!--<script>-->--></script></script>",
    ],
)
def test_a_script_ends_where_a_parser_ends_it(text: bytes) -> None:
    content = turbohtml.parse(f"<script>{text.decode()}<i>after</i>").find("script")
    assert content is not None
    assert script_end(text + b"<i>after</i>", 0) == len(content.text)


@given(
    st.lists(
        st.sampled_from(["<!--", "-->", "--", ">", "<script", "</script", "<script>", "</script>", " ", "/", "x", "!"]),
        max_size=12,
    )
)
def test_any_script_ends_where_a_parser_ends_it(parts: list[str]) -> None:
    text = "".join(parts)
    content = turbohtml.parse(f"<script>{text}").find("script")
    assert content is not None
    end = script_end(text.encode(), 0)
    # A tag that the page ends in is dropped, but what it ended is over.
    dropped = end is not None and ">" not in text[end:]
    assert dropped or (len(text) if end is None else end) == len(content.text)


def test_a_script_is_looked_through_to_the_limit_and_no_further() -> None:
    assert script_end(b"xx</script>", 0, 11) == 2
    assert script_end(b"xx</script>", 0, 10) is None


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        (b"a</title>", 1),
        (b"a</TITLE\t>", 1),
        (b"a</title/>", 1),
        (b"</titles></title>", 9),
        (b"</ title></title>", 9),
        (b"<!--</title>-->", 4),
        (b"a</title", None),
    ],
)
def test_a_raw_text_ends_at_its_own_end_tag_only(text: bytes, ends: int | None) -> None:
    assert raw_text_end(text, b"title", 0) == ends
