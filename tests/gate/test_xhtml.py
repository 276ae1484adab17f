"""XHTML: what only XML reads is gated as a browser reads it, or the page is closed; an ordinary page passes."""

from __future__ import annotations

import contextlib
import time

import pytest
from test_held import NONE, RULES

from consent.gate import Gate, Held, Rules, Unreadable
from consent.gate.xhtml import child_text, text_end
from consent.policy.policy import Policy, Purpose

DOCTYPE = (
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN"\n  "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">'
)
STYLESHEET = '<?xml-stylesheet type="text/css" href="https://tracker.example/a.css"?>'
IMAGE = '<img src="https://tracker.example/a"/>'


def page(body: str, *, before: str = DOCTYPE) -> str:
    """A whole page."""
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n{before}\n<html xmlns="http://www.w3.org/1999/xhtml" xmlns:h='
        f'"http://www.w3.org/1999/xhtml">\n<head><title>é</title></head>\n<body>{body}</body></html>\n'
    )


def gated(text: str, size: int = 0) -> tuple[str, list[Held]]:
    """The page as it leaves, fed in pieces of that size."""
    gate = Gate(RULES, NONE, site="site.example", charset="utf-8", xml=True)
    data = text.encode()
    size = size or len(data)
    out = b"".join(gate.feed(data[at : at + size]) for at in range(0, len(data), size)) + gate.finish()
    return out.decode(), gate.held


@pytest.mark.parametrize(
    "text",
    [
        page("", before=STYLESHEET),
        page("", before=f"{DOCTYPE}<!-- x -->{STYLESHEET}"),
        page("", before="<?xml-stylesheet\nhref='data:text/css,@import url(//tracker.example/a)'?>"),
        page("", before='<?xml-stylesheet href="/own.xsl" type="text/xsl"?>'),
        page("<!-- --><![CDATA[ ]]><?x ?>") + STYLESHEET,
        page("<!--> -->") + STYLESHEET,
        page("", before=f"<?x <!-- ?>{STYLESHEET}<!-- -->"),
        page("", before=f"<?x <![CDATA[ ?><!-- <? -->{STYLESHEET}<!-- -->"),
        page("&a;", before="<!DOCTYPE html [ <!ENTITY a \"<img src='//tracker.example/a'/>\"> ]>"),
        page("", before=f"{DOCTYPE[:-1]} [<!ATTLIST p onclick CDATA 'track(1)'>]>"),
        page("", before='<!DOCTYPE html SYSTEM "a>b" [ <!ELEMENT p ANY> ]>'),
        page("", before="<!DOCTYPE html SYSTEM 'a>&lt;!--' [ <!ELEMENT p ANY> ]>"),
        page("", before='<!DOCTYPE html SYSTEM "><!--" [ <!ELEMENT p ANY> ]>'),
        page("", before="<!DOCTYPE html\n[]>"),
        page("<!ENTITY a 'b'>"),
        page('<_:script xmlns:_="http://www.w3.org/1999/xhtml">track(1)</_:script>'),
        page('<é:img xmlns:é="http://www.w3.org/1999/xhtml" src="https://tracker.example/a"/>'),
        page('<_ style="background: url(https://tracker.example/a)"/>'),
    ],
)
@pytest.mark.parametrize("size", [0, 1, 7])
def test_a_page_is_closed_in_which_xml_hides_addresses(text: str, size: int) -> None:
    with pytest.raises(Unreadable):
        gated(text, size)


def left_of(text: str, size: int) -> bytes:
    """What leaves of a page before it is closed."""
    gate = Gate(RULES, NONE, charset="utf-8", xml=True)
    left = b""
    data = text.encode()
    for at in range(0, len(data), size):
        try:
            left += gate.feed(data[at : at + size])
        except Unreadable:
            return left
    pytest.fail("it is not closed")


@pytest.mark.parametrize("size", [1, 2, 16, 17, 30])
def test_nothing_leaves_of_a_page_that_is_closed_for_what_is_in_front_of_its_first_element(size: int) -> None:
    assert left_of(page("", before=f"{DOCTYPE}<!-- {'x' * 500} -->{STYLESHEET}"), size) == b""


@pytest.mark.parametrize("size", [1, 5])
def test_what_hides_addresses_later_does_not_leave_whole(size: int) -> None:
    left = left_of(page("") + STYLESHEET, size)
    assert b"</html>" in left
    assert b"<?xml-stylesheet " not in left


NAMED = "<?xml-stylesheet href='/a'?><!DOCTYPE html [ <!ENTITY a 'b'> <!ATTLIST p a CDATA 'b'> ]><_>"
SCRIPT = "<script>//<![CDATA[\nif (1 < 2 && track(1)) document.write('<p></p></script>')\n//]]></script>"
HELD = ' type="text/plain" data-consent-for="analytics" data-consent-service="stats"'


@pytest.mark.parametrize("size", [0, 1, 7])
@pytest.mark.parametrize("before", ["", DOCTYPE, "<!DOCTYPE html>", "<!DOCTYPE html SYSTEM 'about:legacy-compat[]>'>"])
def test_an_ordinary_page_passes_and_is_gated(before: str, size: int) -> None:
    own = (
        f"<!-- {NAMED} --><p>a &lt; b</p><?php x ?><?xml-stylesheets x?><script>//<![CDATA[\n'{NAMED}'\n//]]></script>"
    )
    own += f"<style><!-- {NAMED} --></style><script src='/own.js'/>"
    text = page(f"{own}{SCRIPT}{IMAGE}<p/>", before=f"<!-- {NAMED.replace('--', '')} -->{before}")
    out, held = gated(text, size)
    assert [each.tag for each in held] == ["script", "img"]
    expected = text.replace(SCRIPT, SCRIPT.replace("<script", f"<script{HELD}"))
    marks = HELD.replace(' type="text/plain"', "")
    assert out == expected.replace(IMAGE, f'<img{marks} data-consent-src="https://tracker.example/a"/>')


def test_the_first_bytes_of_a_page_leave_before_the_last_arrive() -> None:
    gate = Gate(RULES, NONE, charset="utf-8", xml=True)
    assert gate.feed(b"<?xml version='1.0'?><!DOCTYPE html>") == b""
    assert gate.feed(b"<html><head/><bo") == b"<?xml version='1.0'?><!DOCTYPE html><html><head/>"
    assert gate.feed(b"dy>text <!-- endless") == b"<body>text <!-- endless"


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("tra<!-- </script> -->ck(1)", "script"),
        ("tra<!--> </script> -->ck(1)", "script"),
        ("<![CDATA['</script>';]]>track(1)", "script"),
        ("tra<![CDATA[ck]]>(1)", "script"),
        ("tra<? </script> ?>ck(1)", "script"),
        ("tra<b>x</b>ck(1)", "script"),
        ("tra<b a='>'/>ck(1)", "script"),
        ("<script>x</script>track(1)", "script"),
        ("<script a='>'/>tr<!-- -->ack(1)", "script"),
        ("tr<!-- -->ack&#40;1)", "script"),
        ("fetch('https://track<![CDATA[er.exa]]>mple/a')", "script"),
        ("@import 'https://track<!-- -->er.example/a';", "style"),
        ("<![CDATA[p { background: url(https://tra]]>cker.example/a) }", "style"),
    ],
)
@pytest.mark.parametrize("prefix", ["", "h:"])
@pytest.mark.parametrize("size", [0, 1])
def test_a_script_or_style_is_read_as_xml_puts_it_together(content: str, name: str, prefix: str, size: int) -> None:
    tag = f"{prefix}{name}"
    text = page(f"<{tag} id='x'>{content.replace('script>', f'{tag}>')}</{tag}>{IMAGE}")
    out, held = gated(text, size)
    assert [each.tag for each in held] == [name, "img"]
    assert f"<{tag}{HELD} " in out


@pytest.mark.parametrize(
    "content",
    [
        "fetch('https://tracker<!-- -->.example.org/a')",
        "<b>tra</b>ck(1)",
        "tra<!-- -->xck(1)",
        "<![CDATA[tra]]> ck(1)",
    ],
)
def test_a_script_that_is_nobodys_is_left_alone(content: str) -> None:
    text = page(f"<script>{content}</script><h:script>{content}</h:script>")
    assert gated(text) == (text, [])


def test_a_script_that_closes_itself_has_no_text() -> None:
    text = page(f'<script src="/own.js"/>{IMAGE}')
    out, held = gated(text)
    assert [each.tag for each in held] == ["img"]
    assert '<script src="/own.js"/>' in out


def test_where_nothing_could_be_held_a_page_is_closed_for_nothing() -> None:
    text = page("", before=STYLESHEET).encode()
    gate = Gate(Rules(Policy.of(purposes=[Purpose("necessary")], services=[])), xml=True, charset="utf-8")
    assert gate.feed(text) + gate.finish() == text


@pytest.mark.parametrize("text", [STYLESHEET, "<!DOCTYPE html [ <!ENTITY a 'b'> ]>", "<_:p>"])
def test_html_is_closed_for_none_of_it(text: str) -> None:
    gate = Gate(RULES, NONE, charset="utf-8")
    assert (gate.feed(text.encode()) + gate.finish()).decode() == text


@pytest.mark.parametrize(
    "unit", ["<", "<!", "<!--", "<?", "<![CDATA[", "<a", "<a '", '<a "', "<a>", "</a>", "<script>", "<s:style>", "[", "<!DOCTYPE ", "a", " "]
)  # fmt: skip
def test_time_grows_with_the_length(unit: str) -> None:
    started = time.thread_time()
    text = unit.encode() * (50_000 // len(unit))
    for whole in (text, b"<" + text + b"<", b"<a " + text + b"<"):
        child_text(whole)
        text_end(whole, b"script", 0)
    gate = Gate(RULES, NONE, charset="utf-8", xml=True)
    with contextlib.suppress(Unreadable):
        for at in range(0, len(text), 1000):
            gate.feed(text[at : at + 1000])
        gate.finish()
    assert time.thread_time() - started < 20  # of CPU; what goes back over it takes minutes


@pytest.mark.parametrize(
    "tag",
    [
        "<script x:type='application/json' src='https://tracker.example/a'></script>",
        "<script TYPE='application/json' src='https://tracker.example/a'></script>",
        "<script TYPE='application/json'>track(1)</script>",
        "<script x:language='foo' src='https://tracker.example/a'></script>",
        "<link x:rel='author' rel='stylesheet' href='https://tracker.example/a'/>",
        "<link REL='author' rel='stylesheet' href='https://tracker.example/a'/>",
        "<meta x:http-equiv='a' http-equiv='refresh' content='0;url=https://tracker.example/a'/>",
        "<iframe x:srcdoc='' srcdoc='&lt;img src=//tracker.example/a>'></iframe>",
        "<img SRC='a' src='https://tracker.example/a'/>",
        "<x:script xlink:href='https://tracker.example/a'/>",
    ],
)
def test_an_attribute_with_another_name_stands_for_none(tag: str) -> None:
    _, held = gated(page(tag))
    assert [each.service for each in held] == ["stats"]
    assert not gated(page(tag.replace("tracker", "other").replace("track(", "other(")))[1]
