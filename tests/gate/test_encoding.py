"""Text in other encodings: documents within addresses, and hosts in pages that are not UTF-8."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from urllib.parse import quote_from_bytes

import pytest

from consent.gate import Gate, Rules, UnreadableEncoding
from consent.gate.encoding import encoding_of
from consent.policy.policy import Policy, Purpose, Service

POLICY = Policy.of(
    purposes=[Purpose("necessary"), Purpose("analytics")],
    services=[
        Service("stats", purposes=("analytics",), hosts=("tracker.example", "*.tracker.example")),
        Service("idn", purposes=("analytics",), hosts=("xn--bcher-kva.example",)),
    ],
)
RULES = Rules(POLICY)
HOST = "tracker.example"
OTHER = "another.example"
WIDE = {ord(letter): ord(letter) + 0xFEE0 for letter in "abcdefghijklmnopqrstuvwxyz"}
SWITCHED = "tra\x1b(Bcker.example"


def held(page: bytes, charset: str | None, allowed: frozenset[str] = frozenset()) -> list[str | None]:
    """Who was held; a page in which nobody is must come out as it went in."""
    gate = Gate(RULES, allowed, site="site.example", charset=charset)
    out = gate.feed(page) + gate.finish()
    assert (out == page) == (not gate.held)
    return [each.service for each in gate.held]


def data(kind: str, document: bytes, *, base64: bool = True) -> bytes:
    content = b64encode(document).decode() if base64 else quote_from_bytes(document)
    return f"data:{kind}{';base64' * base64},{content}".encode()


def image(host: str) -> str:
    return f"<img src=https://{host}/a.gif>"


def imported(host: str) -> str:
    return f"@import 'https://{host}/a.css';"


def frame(address: bytes) -> bytes:
    return b"<iframe src='%b'></iframe>" % address


def script(address: bytes) -> bytes:
    return b"<script src='%b'></script>" % address


def sheet(address: bytes) -> bytes:
    return b"<link rel=stylesheet href='%b'>" % address


DOCUMENTS = {
    **{
        f"frame in {encoding}, {'base64' if base64 else 'escaped'}": (
            lambda host, encoding=encoding, base64=base64: frame(
                data(f"text/html;charset={encoding}", image(host).encode(encoding), base64=base64)
            )
        )
        for encoding in ("utf-16", "utf-16le", "utf-16be", "iso-2022-jp")
        for base64 in (True, False)
    },
    "frame with a mark": lambda host: frame(data("text/html", image(host).encode("utf-16"))),
    "frame in a frame": lambda host: frame(data("text/html", frame(data("text/html", image(host).encode())))),
    "frame in an escaped frame": lambda host: frame(
        data("text/html", frame(data("text/html", image(host).encode())), base64=False)
    ),
    "frame in a frame of a script": lambda host: b'<iframe src="javascript:\'%b\'"></iframe>'
    % frame(data("text/html", image(host).encode())).replace(b"'", b""),
    "frame with a fragment": lambda host: frame(data("text/html", image(host).encode()) + b"#x"),
    "svg in UTF-16": lambda host: b"<embed src=%b>"
    % data("image/svg+xml", f"<svg><image href='https://{host}/a.gif'/></svg>".encode("utf-16")),
    "script in UTF-16": lambda host: script(data("text/javascript", f"fetch('//{host}/')".encode("utf-16"))),
    "script that is told to be in UTF-16": lambda host: b"<script charset=utf-16le src=%b></script>"
    % data("text/javascript", f"fetch('//{host}/')".encode("utf-16-le")),
    **{
        f"script that says that it is {kind}": lambda host, kind=kind: script(
            data(kind, f"fetch('//{host}/')".encode())
        )
        for kind in ("image/png", "video/mp4", "font/woff", "application/octet-stream", "application/pdf")
    },
    "style in UTF-16": lambda host: sheet(data("text/css;charset=utf-16le", imported(host).encode("utf-16-le"))),
    "style that says that it is a picture": lambda host: sheet(data("image/png", imported(host).encode())),
    "style within a style, in UTF-16": lambda host: b"<style>@import '%b';</style>"
    % data("text/css", imported(host).encode("utf-16")),
    "style within a style, of no type": lambda host: b"<style>@import url( '%b');</style>"
    % data("", imported(host).encode()),
    "style within a style, behind a comment": lambda host: b"<style>@import/* ; */'%b';</style>"
    % data("", imported(host).encode()),
    "style within a style, spelt otherwise": lambda host: rb"<style>@\69mport u\72l('%b');</style>"
    % data("", imported(host).encode()).replace(b"data", rb"d\61ta"),
}  # fmt: skip


@pytest.mark.parametrize("made", DOCUMENTS.values(), ids=DOCUMENTS)
@pytest.mark.parametrize("charset", ["utf-8", "shift_jis", None])
def test_a_document_in_an_address_is_read_in_whatever_it_is_encoded(
    made: Callable[[str], bytes], charset: str | None
) -> None:
    assert held(made(HOST), charset) == ["stats"]
    assert held(made(HOST), charset, frozenset({"analytics"})) == held(made(OTHER), charset) == []


def test_a_switch_of_characters_within_a_host_hides_it_in_no_document() -> None:
    assert held(frame(data("text/html;charset=iso-2022-jp", image(SWITCHED).encode())), "utf-8") == ["stats"]


def test_documents_within_each_other_without_end_are_held_unread() -> None:
    document = image(OTHER).encode()
    for _ in range(12):
        document = frame(data("text/html", document))
    assert held(document, "utf-8") == ["srcdoc"]
    assert held(document, "utf-8", frozenset(POLICY.names)) == []


def test_the_bytes_of_a_picture_are_no_document() -> None:
    picture = data("image/png", image(HOST).encode())
    assert held(b"<img src=%b><link rel=icon href=%b>" % (picture, picture), "utf-8") == []
    assert held(b"<style>p{background:url(%b)}</style>" % picture, "utf-8") == []


WIDE_PAGES = [
    "<img src=https://{}/a.gif>",
    "<img src='&sol;/{}/a.gif'>",
    "<img srcset='https://{}/a.gif 1x'>",
    "<p style='background:url(//{}/a.gif)'>",
    "<style>@import '//{}/a.css';</style>",
    "<script>fetch('https://{}/a')</script>",
    "<p onclick=\"fetch('https://{}/a')\">",
    "<meta http-equiv=refresh content='0;url=//{}/a'>",
    "<iframe srcdoc='<img src=//{}/a.gif>'></iframe>",
]


@pytest.mark.parametrize("page", WIDE_PAGES)
@pytest.mark.parametrize("encoding", ["utf-8", "shift_jis", "euc-jp", "gbk", "gb18030", "big5", "euc-kr"])
def test_a_host_in_wide_letters_is_known_in_every_encoding_that_has_them_declared_or_not(
    page: str, encoding: str
) -> None:
    wide, other = (page.format(host.translate(WIDE)).encode(encoding) for host in (HOST, OTHER))
    for charset in (encoding, None):
        assert held(wide, charset) == ["stats"]
        assert held(wide, charset, frozenset({"analytics"})) == held(other, charset) == []


@pytest.mark.parametrize("encoding", ["windows-1252", "iso-8859-1", "iso-8859-15", "macintosh", "utf-8"])
def test_a_host_that_is_no_ascii_is_known_in_every_encoding_declared_or_not(encoding: str) -> None:
    page = "<img src=//bücher.example/a.gif>".encode(encoding)
    assert held(page, encoding) == held(page, None) == ["idn"]


@pytest.mark.parametrize("host", ["trªcker.example", "tracker.example"])
def test_letters_that_stand_for_others_are_known_in_scripts_too(host: str) -> None:
    assert held(f"<script>fetch('https://{host}/a')</script>".encode(), "utf-8") == ["stats"]
    assert held(f"<script>fetch('https://{host}/a')</script>".encode("cp1252"), "windows-1252") == ["stats"]


def test_a_host_that_is_spelt_with_escapes_is_known_in_a_script_behind_its_scheme_too() -> None:
    assert held(b"<script>fetch('https://tr%61cker.example/a')</script>", "utf-8") == ["stats"]


@pytest.mark.parametrize("charset", ["latin", "u8", "utf-8 or iso-2022-jp", "646"])
def test_a_name_that_no_browser_knows_lets_a_page_not_switch_its_encoding(charset: str) -> None:
    page = f"<meta charset=iso-2022-jp>{image(SWITCHED)}".encode()
    with pytest.raises(UnreadableEncoding):
        Gate(RULES, charset=charset).feed(page)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_xml_in_utf_16_is_refused_without_a_mark_too(encoding: str) -> None:
    with pytest.raises(UnreadableEncoding):
        Gate(RULES, xml=True).feed("<html xmlns='http://www.w3.org/1999/xhtml'/>".encode(encoding))


@pytest.mark.parametrize(
    ("charset", "encoding"),
    [("Shift_JIS", "cp932"), ("gb2312", "gb18030"), ("US-ASCII", "cp1252"), ("UTF-8", "utf-8"), ("u8", ""), (None, "")],
)
def test_an_encoding_is_what_browsers_take_its_name_for(charset: str | None, encoding: str) -> None:
    assert encoding_of(charset) == encoding
