"""Text in other encodings: documents within addresses, and hosts in pages that are not UTF-8."""

from __future__ import annotations

import tracemalloc
from base64 import b64encode
from collections.abc import Callable
from urllib.parse import quote_from_bytes

import pytest

from consent.gate import Gate, Rules, UnreadableEncoding
from consent.gate.encoding import encoding_of, is_readable
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
    "frame of a long type in a frame": lambda host: b"<iframe src='data:text/html,<iframe src=%b>'></iframe>"
    % data("text/html" + ";a=b" * 60, image(host).encode()),
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
    [
        ("Shift_JIS", "cp932"),
        ("gb2312", "gb18030"),
        ("US-ASCII", "cp1252"),
        ("UTF-8", "utf-8"),
        ("u8", ""),
        (None, ""),
        ("windows-874", "cp874"),
        ("tis-620", "cp874"),
        ("ISO-8859-9", "cp1254"),
        ("l1", "cp1252"),
        ("windows-31j", "cp932"),
        ("x-sjis", "cp932"),
        ("ks_c_5601-1987", "cp949"),
        (" utf-8 ", "utf-8"),
    ],
)
def test_an_encoding_is_what_browsers_take_its_name_for(charset: str | None, encoding: str) -> None:
    assert encoding_of(charset) == encoding
    assert charset is None or is_readable(charset)


@pytest.mark.parametrize("charset", ["\0", "utf-8\0", "no-such", "utf-8 or none", "utf-7", "hex"])
def test_in_what_nobody_knows_nothing_is_read(charset: str) -> None:
    assert not is_readable(charset)


@pytest.mark.parametrize("charset", ["windows-874", "iso-8859-9"])
def test_a_page_in_an_encoding_that_browsers_know_may_have_an_escape_in_it(charset: str) -> None:
    assert held(b"<p>\xe4\x1b(B</p>" + image(HOST).encode(), charset) == ["stats"]


#: Another's host, spelt so that it is that of the tracker in one of the encodings in which a browser may read it.
HIDDEN = {
    "behind a grave accent": b'<script src="//tr\x82\x60cker.example/a.js"></script>',
    "behind a long name": b'<img src="//' + b"a" * 2042 + b'@tr\x82\x81cker.example/">',
    "behind a bracket": b'<img src="//a(b c@tr\x82\x81cker.example/">',
    "across lines": b'<img src="/\n/tr\n\x82\x81cker.example/">',
    "with a NUL": b"<iframe src='data:text/html;charset=shift_jis,%00<img src=//tr%82%81cker.example/a.gif>'></iframe>",
    "in a frame in a frame": b'<iframe src="data:text/html,<iframe src=\'data:text/html;charset=shift_jis,'
    b"<img src=//tr%2582%2581cker.example/a.gif>'>\"></iframe>",
    "in a style in a style": b"<style>@import \"data:text/css;charset=shift_jis,@import '//tr%82%81cker.example/a.css'\"</style>",
    "in a type that is no base64": b'<iframe src="data:text/html;xbase64,<script src=\'//tracker.example/a.js\'></script>"></iframe>',
    "in a charset that is no base64": b'<iframe src="data:text/html;charset=base64,<img src=//tracker.example/>"></iframe>',
    "behind a spelt-out relation": b"<link rel='style&#115;heet' href='data:image/png,@import \"//tracker.example/a\"'>",
    "in styles in styles": b"<style>@import 'data:text/css,@import \"d\\61ta:text/css,%2540import%2520url(//tracker.example/a)\"'</style>",
}  # fmt: skip


@pytest.mark.parametrize("page", HIDDEN.values(), ids=HIDDEN)
def test_a_host_is_known_however_it_is_hidden(page: bytes) -> None:
    assert held(page, None) == ["stats"]
    assert held(page, None, frozenset({"analytics"})) == held(page.replace(b"cker.example", b"cks.example"), None) == []


def test_utf_8_that_is_letters_in_another_encoding_is_known_as_these() -> None:
    rules = Rules(Policy.of(
        purposes=[Purpose("necessary"), Purpose("analytics")],
        services=[Service("flow", purposes=("analytics",), hosts=("mouseflow.com",))],
    ))  # fmt: skip
    for charset, found in ((None, ["flow"]), ("macintosh", ["flow"]), ("utf-8", [])):
        gate = Gate(rules, charset=charset)
        gate.feed(b"<img src=//mouse\xdf\xbcw.com/a.gif>")
        gate.finish()
        assert [each.service for each in gate.held] == found


@pytest.mark.parametrize(
    "page",
    [
        b'<style>@import "data:text/css,p{width:100%25}";p{width:100%}</style>',
        b'<iframe src="data:text/html,<img src=data:image/png;base64,iVBORw0KGgo= width=100%25>"></iframe>',
        b"<script>" + b" // \xea\xee\xec\xec\xe5\xed\xf2\xe0\xf0\xe8\xe9\n" * 10_000 + b"</script>",
        b"<img src='/\xea\xee\xec\xec.png'>",
    ],
    ids=["a width in a style", "a width in a frame", "comments", "a picture"],
)
def test_what_only_looks_alike_is_left_alone(page: bytes) -> None:
    assert held(page, None) == []


@pytest.mark.parametrize("page", [b"<script>fetch('//tracker.exampl/'); %b</script>", b"<iframe srcdoc='%b'></iframe>"])
def test_more_than_can_be_read_in_every_encoding_is_held_unread(page: bytes) -> None:
    many = b" ".join(
        b"//" + number.to_bytes(3, "big").translate(bytes(range(128, 256)) * 2) for number in range(50_000)
    )
    assert held(page % many, None) == ["srcdoc"]
    assert held(page % many, "windows-1252") == []


def test_addresses_within_each_other_take_little_room() -> None:
    page = b"<iframe src='data:text/html,data:text/css,%2525252500%252525251b%25252525" + b"a" * 65_536 + b"'></iframe>"
    tracemalloc.start()
    held(page, "utf-8")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 50 * len(page)
