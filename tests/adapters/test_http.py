"""HTTP truth through every door: validators, ranges, codings, types, statuses, and pages that cannot be read."""

from __future__ import annotations

import gc
import gzip
import sys
import zlib
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from doors import DOORS, SETTINGS, Answer, Door, Request, Served, Site

brotli: Any = import_module("brotli")
zstd: Any = import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")

TRACKER = '<script async src="https://www.google-analytics.com/analytics.js"></script>'
HELD = 'data-consent-src="https://www.google-analytics.com/analytics.js"'
PAGE = f"<!doctype html><html><head><title>News</title>{TRACKER}</head><body><h1>News</h1></body></html>"
BODY = PAGE.encode()
HTML = ("Content-Type", "text/html; charset=utf-8")
PLAIN_HTML = ("Content-Type", "text/html")
CLOSED = "default-src 'none'"
NAVIGATION = {"Sec-Fetch-Dest": "document"}
PUBLIC = ("Cache-Control", "public, max-age=60")
STATS = "https://www.google-analytics.com/analytics.js"
README = (
    *(("Content-Type", "text/plain"), PUBLIC, ("ETag", '"r1"'), ("Last-Modified", "Mon, 01 Jun 2026 00:00:00 GMT")),
    *(("Link", f"<{STATS}>; rel=preload; as=script"), ("Set-Cookie", "_ga=1; Path=/")),
)

#: Content codings, each as the headers name it, and how they are put on and taken off.
CODINGS: dict[str, tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]] = {
    "gzip": (gzip.compress, gzip.decompress),
    "x-gzip": (gzip.compress, gzip.decompress),
    "deflate": (zlib.compress, zlib.decompress),
    "br": (brotli.compress, brotli.decompress),
    "zstd": (zstd.compress, zstd.decompress),
    "gzip, br": (lambda data: brotli.compress(gzip.compress(data)), lambda data: gzip.decompress(brotli.decompress(data))),
    "br, gzip": (lambda data: gzip.compress(brotli.compress(data)), lambda data: brotli.decompress(gzip.decompress(data))),
}  # fmt: skip


def chunked(body: bytes, size: int) -> tuple[bytes, ...]:
    return tuple(body[at : at + size] for at in range(0, len(body), size))


def begun_gzip(body: bytes) -> bytes:
    encoder = zlib.compressobj(wbits=31)
    return encoder.compress(body) + encoder.flush(zlib.Z_SYNC_FLUSH)


def coded(body: bytes, coding: str = "gzip", *more: tuple[str, str]) -> Served:
    return Served(body, headers=(HTML, ("Content-Encoding", coding), *more))


SITE: Site = {
    "/": Served(BODY),
    "/tagged": Served(
        BODY, headers=(HTML, ("ETag", '"v1"')), instead=("If-None-Match", '"v1"', Served(b"", 304, headers=(("ETag", '"v1"'),)))
    ),
    "/weak": Served(
        BODY, headers=(HTML, ("ETag", 'W/"v1"')), instead=("If-None-Match", 'W/"v1"', Served(b"", 304, headers=(("ETag", 'W/"v1"'),)))
    ),
    "/dated": Served(
        BODY,
        headers=(HTML, ("Last-Modified", "Mon, 01 Jun 2026 00:00:00 GMT")),
        instead=("If-Modified-Since", "2026", Served(b"", 304, headers=(("Last-Modified", "Mon, 01 Jun 2026 00:00:00 GMT"),))),
    ),
    "/picture": Served(
        b"picture", headers=(("Content-Type", "image/png"), ("ETag", '"p"')), instead=("If-None-Match", '"p"', Served(b"", 304, headers=(("ETag", '"p"'),)))
    ),
    "/ranged": Served(
        BODY, headers=(HTML, ("Accept-Ranges", "bytes")), instead=("Range", "bytes=", Served(BODY[20:], 206, headers=(HTML, ("Content-Range", f"bytes 20-{len(BODY) - 1}/{len(BODY)}"))))
    ),
    "/video": Served(
        b"0123456789", headers=(("Content-Type", "video/mp4"),), instead=("Range", "bytes=", Served(b"234", 206, headers=(("Content-Type", "video/mp4"), ("Content-Range", "bytes 2-4/10"))))
    ),
    "/parts": Served(
        b"0123456789", headers=(("Content-Type", "application/pdf"),), instead=("Range", "bytes=", Served(b"--x\r\n\r\n0\r\n--x--", 206, headers=(("Content-Type", "multipart/byteranges; boundary=x"),)))
    ),
    **{f"/coded/{name}": coded(encode(BODY), name) for name, (encode, _) in CODINGS.items()},
    **{
        f"/stream/{name}": Served(chunked(encode(BODY), 9), headers=(HTML, ("Content-Encoding", name)))
        for name, (encode, _) in CODINGS.items()
    },
    "/members": coded(gzip.compress(BODY[:130]) + gzip.compress(BODY[130:])),
    "/rubbish": coded(gzip.compress(BODY) + b"\0\0rubbish"),
    "/cut": coded(gzip.compress(BODY)[:-30]),
    "/corrupt": coded(gzip.compress(BODY)[:40] + b"\xff" * 200),
    "/no-gzip": coded(BODY),
    "/empty-gzip": coded(b""),
    "/gzip-of-nothing": coded(gzip.compress(b"")),
    "/empty": Served(b""),
    "/empty-stream": Served(()),
    "/blank-chunks": Served((b"", b"", BODY[:1], b"", BODY[1:], b"")),
    "/utf16": Served(PAGE.encode("utf-16"), headers=(PLAIN_HTML,)),
    "/utf16-stream": Served(chunked(PAGE.encode("utf-16"), 1), headers=(PLAIN_HTML,)),
    "/utf16-gzip": Served(chunked(gzip.compress(PAGE.encode("utf-16")), 4), headers=(PLAIN_HTML, ("Content-Encoding", "gzip"))),
    "/kanji": Served(b"<p>\x1b$B</p>" + BODY, headers=(PLAIN_HTML,)),
    "/kanji-later": Served((b"<!doctype html><p>first</p>", b"<p>\x1b$B</p>", BODY), headers=(PLAIN_HTML,)),
    "/corrupt-later": Served((begun_gzip(BODY), b"\xff" * 500), headers=(HTML, ("Content-Encoding", "gzip"))),
    "/accel": Served(b"", headers=(HTML, ("X-Accel-Redirect", "/kept/page.html"))),
    "/litespeed": Served(b"", headers=(HTML, ("X-LiteSpeed-Location", "/kept/page.html"))),
    **{
        f"/{name}": Served(b"", headers=(HTML, (name, "/srv/page.html")))
        for name in ("X-Sendfile", "X-Sendfile2", "X-Sendfile-Temporary", "X-Lighttpd-Send-Tempfile")
    },

    "/accel-pdf": Served(b"", headers=(("X-Accel-Redirect", "/kept/report.pdf?x=.html"),)),
    "/accel-untyped": Served(b"", headers=(("X-Accel-Redirect", "/kept/page.HTML?x=1.pdf"),)),
    "/accel-nameless": Served(b"", headers=(("X-Accel-Redirect", "/v1.2/page"),)),
    "/led": Served(b"", 302, headers=(("Location", STATS), ("Content-Type", "text/plain"), PUBLIC, ("Set-Cookie", "sessionid=1; Path=/"))),
    "/led-page": Served(b"<p>Moved</p>", 307, headers=(("Location", STATS), HTML, PUBLIC)),
    "/led-by-nobody": Served(b"", 301, headers=(("Location", "//www.googletagmanager.com/gtag/js"), ("Content-Type", "text/plain"), PUBLIC)),
    "/led-home": Served(b"", 302, headers=(("Location", "/"), ("Content-Type", "text/plain"), PUBLIC)),
    "/made": Served(b"{}", 201, headers=(("Location", STATS), ("Content-Type", "application/json"), PUBLIC)),
    "/readme": Served(b"Read me", headers=README, instead=("If-None-Match", '"r1"', Served(b"", 304, headers=README))),
    **{
        f"/notes/{name}": Served(b"Notes", headers=(("Content-Type", "text/plain"), PUBLIC, header))
        for name, header in {
            "cookie": ("Set-Cookie", "_ga=1; Path=/"),
            "report": ("Content-Security-Policy", f"default-src 'self'; report-uri {STATS}"),
            "own-cookie": ("Set-Cookie", "sessionid=1; Path=/"),
            "own-link": ("Link", "</style.css>; rel=preload; as=style"),
            "own-report": ("Content-Security-Policy", "default-src 'self'; report-uri /reports"),
            "undeclared": ("Link", "<https://www.googletagmanager.com/>; rel=preconnect"),
        }.items()
    },
    "/xhtml": Served(BODY, headers=(("Content-Type", "application/xhtml+xml"),)),
    "/xhtml-styled": Served(
        chunked(b"<?xml version='1.0'?><?xml-stylesheet href='https://stats.example/a.css'?>" + BODY, 1),
        headers=(("Content-Type", "application/xhtml+xml"),),
    ),
    "/turbo": Served(BODY, headers=(("Content-Type", "text/vnd.turbo-stream.html; charset=utf-8"),)),
    "/amp": Served(PAGE.replace("<html>", "<html ⚡>").encode(), headers=(HTML,)),
    "/many-cookies": Served(BODY, headers=(HTML, *(("Set-Cookie", f"c{number}=v; Path=/") for number in range(5)))),
    **{f"/status/{status}": Served(b"", status) for status in (204, 205, 304)},
}  # fmt: skip


@pytest.fixture(params=sorted(DOORS))
def door(request: pytest.FixtureRequest) -> Door:
    return DOORS[request.param](SITE, SETTINGS)


def post(door: Door, action: str) -> str:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
    cookie = door.ask(Request("/_consent/decision", "POST", headers, f"action={action}".encode())).cookie()
    assert cookie is not None
    return cookie


def get(door: Door, path: str, **headers: str) -> Answer:
    return door.ask(
        Request(path, headers={key.replace("_", "-"): value for key, value in headers.items()}, valid=False)
    )


# Validators


@pytest.mark.parametrize("path", ["/tagged", "/weak"])
@pytest.mark.parametrize("action", ["accept", "refuse"])
def test_a_change_of_consent_is_never_answered_with_not_modified(door: Door, path: str, action: str) -> None:
    first = get(door, path)
    tag = first.header("etag")
    assert HELD in first.text
    assert get(door, path, If_None_Match=tag).status == 304
    cookie = post(door, action)
    changed = get(door, path, If_None_Match=tag, Cookie=cookie)
    assert changed.status == 200
    assert (TRACKER in changed.text) == (action == "accept")
    assert changed.header("etag") != tag
    back = get(door, path, If_None_Match=f"{tag}, {changed.header('etag')}", Cookie=cookie)
    assert (back.status, back.header("etag"), back.body) == (304, changed.header("etag"), b"")
    assert back.header("vary").startswith("Cookie")
    withdrawn = get(door, path, If_None_Match=changed.header("etag"))
    assert (withdrawn.status, TRACKER in withdrawn.text) == (200, False)


@pytest.mark.parametrize("name", sorted(DOORS))
def test_a_new_policy_is_never_answered_with_not_modified(name: str) -> None:
    before = DOORS[name](SITE, SETTINGS)
    cookie = post(before, "accept")
    tag = get(before, "/tagged", Cookie=cookie).header("etag")
    assert get(before, "/tagged", Cookie=cookie, If_None_Match=tag).status == 304
    after = DOORS[name](SITE, {**SETTINGS, "policy": "2"})
    page = get(after, "/tagged", Cookie=cookie, If_None_Match=tag)
    assert (page.status, TRACKER in page.text) == (200, False)


@pytest.mark.parametrize("tag", ['"v1"', '"v1", "v2"', "*", 'W/"v1"'])
def test_a_tag_from_before_the_gate_was_there_revives_no_page(door: Door, tag: str) -> None:
    assert get(door, "/tagged", If_None_Match=tag, **NAVIGATION).status == 200


def test_a_pages_date_revives_no_page(door: Door) -> None:
    answer = get(door, "/dated", If_Modified_Since="Mon, 01 Jun 2026 00:00:00 GMT")
    assert (answer.status, answer.all("last-modified")) == (200, [])


@pytest.mark.parametrize(
    "headers", [{"Sec_Fetch_Dest": "image"}, {"Sec_Fetch_Dest": "empty"}, {"Accept": "image/png,*/*"}]
)
def test_what_is_no_page_keeps_its_validators(door: Door, headers: dict[str, str]) -> None:
    assert get(door, "/picture", If_None_Match='"p"', **headers).status == 304


# Ranges


@pytest.mark.parametrize("headers", [NAVIGATION, {"Accept": "text/html,*/*;q=0.8"}, {"Sec-Fetch-Dest": "iframe"}, {}])
def test_a_page_is_always_asked_for_whole(door: Door, headers: dict[str, str]) -> None:
    answer = get(door, "/ranged", Range="bytes=20-", If_Range='"v1"', **headers)
    assert (answer.status, answer.all("accept-ranges")) == (200, [])
    assert HELD in answer.text


def test_a_part_of_a_page_that_comes_all_the_same_is_closed(door: Door) -> None:
    answer = get(door, "/ranged", Range="bytes=20-", Accept="*/*")
    assert (answer.status, answer.body) == (206, BODY[20:])
    assert answer.header("content-security-policy").startswith(CLOSED)


def test_a_part_of_a_page_is_not_given_to_a_script(door: Door) -> None:
    answer = get(door, "/ranged", Range="bytes=20-", Sec_Fetch_Dest="empty")
    assert (answer.status, b"<script" in answer.body) == (500, False)


@pytest.mark.parametrize("headers", [{"Sec_Fetch_Dest": "video"}, {"Sec_Fetch_Dest": "empty"}, {"Accept": "*/*"}])
@pytest.mark.parametrize(("path", "body"), [("/video", b"234"), ("/parts", b"--x\r\n\r\n0\r\n--x--")])
def test_parts_of_what_is_no_page_leave_untouched(door: Door, path: str, body: bytes, headers: dict[str, str]) -> None:
    answer = get(door, path, Range="bytes=2-4", **headers)
    assert (answer.status, answer.body, answer.all("content-security-policy")) == (206, body, [])


# Content codings


@pytest.mark.parametrize("how", ["coded", "stream"])
@pytest.mark.parametrize("coding", CODINGS)
def test_a_coded_page_is_gated_and_leaves_coded_as_it_was(door: Door, coding: str, how: str) -> None:
    answer = get(door, f"/{how}/{coding}")
    assert answer.header("content-encoding") == coding
    text = CODINGS[coding][1](answer.body).decode()
    assert HELD in text
    assert TRACKER not in text
    assert text.endswith("</body></html>")
    assert answer.all("content-length") in ([], [str(len(answer.body))])


def test_head_for_a_coded_page_names_its_coding(door: Door) -> None:
    answer = door.ask(Request("/coded/gzip", "HEAD"))
    assert (answer.status, answer.header("content-encoding"), answer.body) == (200, "gzip", b"")


def test_every_member_of_a_gzip_is_gated(door: Door) -> None:
    text = gzip.decompress(get(door, "/members").body).decode()
    assert HELD in text
    assert TRACKER not in text


def test_rubbish_behind_a_coded_page_does_not_leave(door: Door) -> None:
    answer = get(door, "/rubbish")
    assert HELD in gzip.decompress(answer.body).decode()
    assert b"rubbish" not in answer.body


def test_a_coded_page_that_is_cut_short_leaves_cut_short(door: Door) -> None:
    answer = get(door, "/cut")
    with pytest.raises(EOFError):
        gzip.decompress(answer.body)
    text = zlib.decompressobj(31).decompress(answer.body).decode()
    assert text.startswith("<!doctype html>")
    assert TRACKER not in text


@pytest.mark.parametrize("path", ["/corrupt", "/no-gzip"])
def test_a_page_that_is_not_coded_as_it_says_is_closed(door: Door, path: str) -> None:
    answer = get(door, path)
    assert answer.body == SITE[path].chunks[0]
    assert answer.header("content-security-policy").startswith(CLOSED)


@pytest.mark.parametrize("path", ["/empty", "/empty-stream", "/empty-gzip"])
def test_nothing_is_put_into_an_empty_body(door: Door, path: str) -> None:
    answer = get(door, path)
    assert (answer.status, answer.body) == (200, b"")


def test_a_gzip_of_nothing_stays_one(door: Door) -> None:
    assert gzip.decompress(get(door, "/gzip-of-nothing").body) == b""


def test_empty_chunks_change_nothing(door: Door) -> None:
    assert (
        get(door, "/blank-chunks").text.replace("/blank-chunks", "/").replace("%2Fblank-chunks", "%2F")
        == get(door, "/").text
    )


# Pages that cannot be read, as their first bytes say


@pytest.mark.parametrize("path", ["/utf16", "/utf16-stream", "/utf16-gzip", "/kanji", "/xhtml-styled"])
def test_a_page_whose_bytes_say_that_it_cannot_be_read_is_closed(door: Door, path: str) -> None:
    answer = get(door, path)
    assert (answer.status, answer.body) == (200, b"".join(SITE[path].chunks))
    assert answer.header("content-security-policy").startswith(CLOSED)
    assert answer.all("content-length") in ([], [str(len(answer.body))])


@pytest.mark.parametrize(
    "path", ["/utf16", "/utf16-stream", "/utf16-gzip", "/kanji", "/corrupt", "/X-Sendfile", "/accel"]
)
def test_to_a_developer_such_a_page_is_an_error_that_says_why(door: Door, path: str) -> None:
    door.site.consent.debug = True
    answer = get(door, path)
    assert (answer.status, answer.header("content-type")) == (500, "text/plain; charset=utf-8")
    assert answer.text.startswith("consent: this page cannot be gated: ")
    assert answer.all("content-length") in ([], [str(len(answer.body))])


@pytest.mark.parametrize("path", ["/utf16", "/utf16-stream", "/kanji", "/corrupt"])
@pytest.mark.parametrize("headers", [{"Sec_Fetch_Dest": "empty"}, {"HX_Request": "true"}])
def test_a_script_is_not_given_what_cannot_be_read(door: Door, path: str, headers: dict[str, str]) -> None:
    answer = get(door, path, **headers)
    assert (answer.status, answer.text) == (500, "This page cannot be shown.\n")


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # Django's own: the request's body, where an answer breaks off
@pytest.mark.parametrize("path", ["/kanji-later", "/corrupt-later"])
def test_a_page_that_cannot_be_read_any_further_ends_with_an_error(door: Door, path: str) -> None:
    with pytest.raises(ValueError, match=r"ISO-2022-JP|not gzip"):
        get(door, path)
    gc.collect()


# Bodies that the server in front sends


@pytest.mark.parametrize("path", ["/accel", "/accel-untyped", "/accel-nameless", "/litespeed"])
def test_a_page_is_not_left_to_a_server_that_drops_our_policy(door: Door, path: str) -> None:
    answer = get(door, path)
    assert (answer.status, answer.all("x-accel-redirect"), answer.all("x-litespeed-location")) == (500, [], [])


@pytest.mark.parametrize("name", ["X-Sendfile", "X-Sendfile2", "X-Sendfile-Temporary", "X-Lighttpd-Send-Tempfile"])
def test_a_page_that_the_server_in_front_sends_is_closed(door: Door, name: str) -> None:
    answer = get(door, f"/{name}")
    assert answer.header(name) == "/srv/page.html"
    assert answer.header("content-security-policy").startswith(CLOSED)


def test_a_file_that_is_no_page_is_left_to_the_server_in_front(door: Door) -> None:
    answer = get(door, "/accel-pdf")
    assert (answer.status, answer.header("x-accel-redirect")) == (200, "/kept/report.pdf?x=.html")


# Types and statuses


@pytest.mark.parametrize("path", ["/xhtml", "/turbo"])
def test_other_pages_are_gated_and_get_no_banner(door: Door, path: str) -> None:
    answer = get(door, path)
    assert TRACKER not in answer.text
    assert 'value="accept"' not in answer.text


def test_an_amp_page_is_a_page(door: Door) -> None:
    answer = get(door, "/amp")
    assert HELD in answer.text
    assert 'value="accept"' in answer.text


@pytest.mark.parametrize(
    "value",
    [
        "text/html",
        " text/html",
        "TEXT/HTML;CHARSET=UTF-8",
        "text/html ; charset=utf-8",
        "text/html charset=utf-8",
        "text/html(comment)",
        "text/html,text/html",
        "text/plain, text/html",
        "text/html, text/plain",
        'text/html; x="a,b"',
        ";charset=utf-8",
        "html",
        "*/*",
        "unknown/unknown",
        "application/unknown",
        "",
        "text/plain, unknown/unknown",
        "text/plain, application/unknown",
        "application/x-javascript, unknown/unknown",
        "text/plain, */*;q=1",
        "text/plain, */* ;a",
    ],
)
@pytest.mark.parametrize("name", sorted(DOORS))
def test_whatever_a_browser_may_take_for_html_is_gated(name: str, value: str) -> None:
    site = {"/": Served(BODY, headers=(("Content-Type", value),))}
    assert TRACKER not in get(DOORS[name](site, SETTINGS), "/").text


@pytest.mark.parametrize("name", ["wsgi", "wsgi-write", "wsgi-late", "flask"])
@pytest.mark.parametrize(
    "values",
    [
        ("text/plain", "text/html"),
        ("text/html", "text/plain"),
        ("text/plain", "unknown/unknown"),
        ("image/png", "application/unknown"),
    ],
)
def test_of_two_types_the_one_that_may_be_html_counts(name: str, values: tuple[str, str]) -> None:
    site = {
        "/": Served(BODY, headers=(*(("Content-Type", value) for value in values), ("Link", f"<{STATS}>; rel=preload")))
    }
    assert TRACKER not in get(DOORS[name](site, SETTINGS), "/").text


@pytest.mark.parametrize(
    "value",
    [
        "text/html, application/xhtml+xml",
        "application/xhtml+xml, text/html;charset=utf-8",
        "application/xhtml+xml, unknown/unknown",
        "text/plain, unknown/unknown;charset=utf-8",
        "text/plain;charset=utf-8, text/html",
    ],
)
@pytest.mark.parametrize("name", sorted(DOORS))
def test_a_page_of_two_kinds_or_charsets_is_closed(name: str, value: str) -> None:
    answer = get(DOORS[name]({"/": Served(BODY, headers=(("Content-Type", value),))}, SETTINGS), "/")
    assert answer.body == BODY
    assert answer.header("content-security-policy").startswith(CLOSED)


@pytest.mark.parametrize(
    "value",
    ["text/plain", "text/plain; x=text/html", "text/plain, */*", "application/json", "text/css", "image/svg+xml"],
)
@pytest.mark.parametrize("name", sorted(DOORS))
def test_whatever_no_browser_takes_for_html_leaves_untouched(name: str, value: str) -> None:
    site = {"/": Served(BODY, headers=(("Content-Type", value),))}
    assert get(DOORS[name](site, SETTINGS), "/").body == BODY


@pytest.mark.parametrize("status", [204, 205, 304])
def test_a_status_without_content_gets_none(door: Door, status: int) -> None:
    answer = get(door, f"/status/{status}")
    assert (answer.status, answer.body) == (status, b"")
    assert answer.all("content-security-policy") == []


def test_several_cookies_of_a_page_all_leave(door: Door) -> None:
    sent = get(door, "/many-cookies").all("set-cookie")
    assert sorted(value.partition("=")[0] for value in sent) == ["c0", "c1", "c2", "c3", "c4"]


# Downloads


@pytest.mark.parametrize(
    "value",
    [
        "attachment filename=page.html",
        'attachment filename="page.html"; size=1',
        'attachment "x.html"',
        "attachment=1; filename=x",
        "attachment/x",
        "attachment:x",
        '"attachment"',
        "attachment, filename=x.html",
        "attachments",
        "inline",
    ],
)
@pytest.mark.parametrize("name", sorted(DOORS))
def test_what_is_not_quite_a_download_is_a_page(name: str, value: str) -> None:
    site = {"/": Served(BODY, headers=(HTML, ("Content-Disposition", value)))}
    assert HELD in get(DOORS[name](site, SETTINGS), "/", **NAVIGATION).text


@pytest.mark.parametrize("value", ["attachment", "Attachment ; filename=page.html", "attachment;", "\tattachment"])
@pytest.mark.parametrize("name", sorted(DOORS))
def test_a_download_leaves_untouched_but_to_a_script(name: str, value: str) -> None:
    door = DOORS[name]({"/": Served(BODY, headers=(HTML, ("Content-Disposition", value)))}, SETTINGS)
    assert [get(door, "/", **headers).body for headers in ({}, NAVIGATION)] == [BODY, BODY]
    for headers in ({"HX-Request": "true"}, {"Turbo-Frame": "x"}, {"Sec-Fetch-Dest": "empty"}):
        assert HELD in get(door, "/", **headers).text


@pytest.mark.parametrize("name", ["wsgi", "wsgi-write", "wsgi-late", "flask"])
def test_of_two_dispositions_none_is_believed(name: str) -> None:
    twice = (("Content-Disposition", "inline"), ("Content-Disposition", "attachment"))
    assert HELD in get(DOORS[name]({"/": Served(BODY, headers=(HTML, *twice))}, SETTINGS), "/").text


# Redirects

PARTS = [
    *(
        {"Sec-Fetch-Dest": name}
        for name in ("script", "image", "style", "iframe", "embed", "object", "report", "empty")
    ),
    {"Sec-Fetch-Dest": "document", "Sec-Purpose": "prefetch;prerender"},
    {"HX-Request": "true"},
]
VISITS = [{}, NAVIGATION, {"Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "navigate"}]


@pytest.mark.parametrize("path", ["/led", "/led-page", "/led-by-nobody"])
def test_no_part_of_a_page_is_led_to_who_is_held(door: Door, path: str) -> None:
    for headers in PARTS:
        answer = get(door, path, **headers)
        assert (answer.status, answer.all("location")) == (403, []), headers
        assert answer.text == "This waits for your consent.\n"
        assert (answer.header("cache-control"), answer.header("vary")) == ("no-store", "Sec-Fetch-Dest")
        assert len(answer.all("set-cookie")) == (path == "/led"), "the site's own leaves"


def test_once_it_may_it_is_led_there(door: Door) -> None:
    cookie = post(door, "accept")
    for headers in (*PARTS, *VISITS):
        answer = get(door, "/led", Cookie=cookie, **headers)
        assert (answer.status, answer.header("location")) == (302, STATS), headers
        assert answer.header("cache-control") == "private, max-age=60"
        assert {"Cookie", "Sec-Fetch-Dest"} <= set(answer.header("vary").split(", "))


@pytest.mark.parametrize("path", ["/led", "/led-page", "/led-by-nobody"])
def test_a_visitor_goes_where_a_link_leads(door: Door, path: str) -> None:
    for headers in VISITS:
        answer = get(door, path, **headers)
        assert answer.header("location") == dict(SITE[path].headers)["Location"], headers
        assert answer.header("cache-control") == "private, max-age=60"
        assert "Sec-Fetch-Dest" in answer.header("vary")


@pytest.mark.parametrize("path", ["/led-home", "/made"])
def test_what_leads_to_nobody_who_is_held_leaves_untouched(door: Door, path: str) -> None:
    for headers in (*PARTS, *VISITS):
        answer = get(door, path, **headers)
        assert (answer.status, answer.header("location")) == (SITE[path].status, dict(SITE[path].headers)["Location"])
        assert (answer.header("cache-control"), answer.all("vary")) == (PUBLIC[1], [])


@pytest.mark.parametrize(
    "to", ["HTTPS:/\\www.google-analytics.com/x", "//www%2Egoogle-analytics.com", "https://b\xc3\xbccher.example/"]
)
def test_where_it_leads_is_read_as_a_browser_does(to: str) -> None:
    books = {"purposes": ["research"], "hosts": ["xn--bcher-kva.example"]}
    settings = {**SETTINGS, "services": {**SETTINGS["services"], "books": books}}
    door = DOORS["wsgi"]({"/": Served(b"", 302, headers=(("Location", to), ("Content-Type", "text/plain")))}, settings)
    assert get(door, "/", Sec_Fetch_Dest="image").status == 403


# Headers that depend on the visitor, beside a body that does not


@pytest.mark.parametrize("path", ["/readme", "/notes/cookie", "/notes/report"])
@pytest.mark.parametrize("action", ["", "accept"])
def test_what_depends_on_the_visitor_in_its_headers_alone_is_private_too(door: Door, path: str, action: str) -> None:
    answer = get(door, path, **({"Cookie": post(door, action)} if action else {}))
    assert answer.body == SITE[path].chunks[0]
    assert ("google-analytics" in str(answer.headers) or "_ga=1" in str(answer.headers)) == (action == "accept")
    assert answer.header("cache-control") == "private, max-age=60"
    assert answer.header("vary").startswith("Cookie")


@pytest.mark.parametrize("path", ["own-cookie", "own-link", "own-report", "undeclared"])
def test_what_is_the_same_for_all_visitors_stays_in_shared_caches(door: Door, path: str) -> None:
    answer = get(door, f"/notes/{path}")
    assert (answer.body, answer.header("cache-control"), answer.all("vary")) == (b"Notes", PUBLIC[1], [])
    assert answer.all("link") == (["</style.css>; rel=preload; as=style"] if path == "own-link" else [])


def test_no_visit_revives_such_headers_from_a_cache_and_what_is_no_visit_keeps_its_validators(door: Door) -> None:
    tag = get(door, "/readme", Cookie=post(door, "accept"), **NAVIGATION).header("etag")
    withdrawn = get(door, "/readme", If_None_Match=tag, **NAVIGATION)
    assert (withdrawn.status, withdrawn.all("link"), withdrawn.body) == (200, [], b"Read me")
    for destination in ("image", "empty"):
        same = get(door, "/readme", If_None_Match=tag, Sec_Fetch_Dest=destination)
        assert (same.status, same.header("etag"), same.all("link")) == (304, tag, [])
        assert same.header("cache-control") == "private, max-age=60"
