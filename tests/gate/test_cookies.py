"""Cookies and loading headers of held services do not leave; what is ended is ended wherever it may have been set."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import pytest

from consent.gate import Rules
from consent.gate.cookies import expire, hold_links, hold_set_cookies
from consent.policy.policy import Cookie, Policy, Purpose, Service

RULES = Rules(
    Policy.of(
        purposes=[Purpose("necessary"), Purpose("analytics"), Purpose("marketing")],
        services=[
            Service("shop", purposes=("necessary",), cookies=(Cookie("basket"), Cookie("_ga_shop"))),
            Service(
                "stats",
                purposes=("analytics",),
                hosts=("stats.example", "/proxy/stats.js"),
                cookies=(Cookie("_ga"), Cookie("_ga_*"), Cookie("*-visit")),
            ),
            Service("ads", purposes=("analytics", "marketing"), hosts=("ads.example",), cookies=(Cookie("_ad"),)),
            Service("video", purposes=("marketing",), cookies=(Cookie("NID", third_party=True),)),
        ],
        undeclared=[Service("heat", purposes=("analytics",), cookies=(Cookie("_heat"),))],
    )
)
NONE = frozenset({"necessary"})
ALL = frozenset({"necessary", "analytics", "marketing"})
NOW = datetime(2026, 6, 1, tzinfo=UTC).timestamp()


def leaves(cookie: str, allowed: frozenset[str] = NONE) -> bool:
    headers, _ = hold_set_cookies(RULES, allowed, [("Set-Cookie", cookie)], now=NOW)
    return bool(headers)


@pytest.mark.parametrize(
    "cookie",
    [
        "_ga=1",
        "_ga=1; Path=/",
        "_ga_X1=2",
        "_ga_=2",
        "my-visit=3",
        " _ga =1",
        "\t_ga\t= 1",
        "_ga",
        "=_ga=1",
        "_ga=a=b",
        "_ad=1",
        "_heat=1",
    ],
)
def test_a_cookie_of_a_held_service_does_not_leave(cookie: str) -> None:
    assert not leaves(cookie)


@pytest.mark.parametrize(
    "cookie", ["basket=1", "session=1", "_GA=1", "_gat=1", "x_ga=1", "a=_ga=1", "_ga_shop=1", "NID=1", "visit=1"]
)
def test_a_cookie_of_nobody_held_leaves(cookie: str) -> None:
    assert leaves(cookie)


def test_a_cookie_of_an_allowed_service_leaves_and_one_of_an_undeclared_service_never_does() -> None:
    assert leaves("_ga=1", ALL)
    assert not leaves("_heat=1", ALL)


def test_a_cookie_of_a_service_with_several_purposes_needs_all_of_them() -> None:
    assert not leaves("_ad=1", frozenset({"necessary", "marketing"}))
    assert not leaves("_ad=1", frozenset({"necessary", "analytics"}))
    assert leaves("_ad=1", ALL)


@pytest.mark.parametrize(
    "cookie",
    [
        "_ga=; Max-Age=0",
        "_ga=; max-age=0",
        "_ga=;MAX-AGE = 0 ",
        "_ga=; Max-Age=-1",
        "_ga=; Max-Age=-0",
        "_ga=; Max-Age=00",
        "_ga=; Max-Age=60; Max-Age=0",
        "_ga=; Max-Age=0; Expires=Wed, 01 Jan 2036 00:00:00 GMT",
        "_ga=; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        "_ga=; expires=Thu, 01-Jan-70 00:00:01 GMT",
        "_ga=; Expires=Sun May 31 23:59:59 2026",
        "_ga=; Max-Age=never; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        "_ga=; Max-Age=0; Max-Age=later; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        "_ga=; Expires=never; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        f"_ga=; Max-Age={'0' * 1024}",
        f"_ga=; Max-Age={'0' * 1025}; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
    ],
)
def test_a_deletion_always_leaves(cookie: str) -> None:
    assert leaves(cookie)


@pytest.mark.parametrize(
    "cookie",
    [
        "_ga=; Max-Age=60",
        "_ga=; Max-Age=",
        "_ga=; Max-Age=0; Max-Age=",
        "_ga=; Max-Age=0; Max-Age=later",
        "_ga=; Max-Age=60; Max-Age=later; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        f"_ga=; Max-Age={'0' * 1025}",
        f"_ga=; Expires=Thu, 01 Jan 1970 00:00:00 GMT{' x' * 500}",
        "_ga=; \xa0Max-Age=0",
        "_ga=; Max-Age\xa0=0",
        "_ga=; Max-Age=0\xa0",
        "_ga=; \x0bExpires=Thu, 01 Jan 1970 00:00:00 GMT",
        "_ga=; Max-Age=-",
        "_ga=; Max-Age=+0",
        "_ga=; Max-Age=0x",
        "_ga=; Max-Age=0000000000000000000000001",
        "_ga=; Max-Age=0; Max-Age=60",
        "_ga=; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        "_ga=; Expires=Wed, 01 Jan 2036 00:00:00 GMT",
        "_ga=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Expires=Wed, 01 Jan 2036 00:00:00 GMT",
        "_ga=; Expires=Tue, 02 Jun 69 00:00:00 GMT",
        "_ga=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Expires=never",
        "_ga=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Expires=",
        "_ga=; Expires=0",
        "_ga=; Expires=",
        "_ga=; Expires=-1",
        "_ga=Max-Age=0",
        "_ga=1; x=Max-Age=0",
    ],
)
def test_what_only_looks_like_a_deletion_does_not_leave(cookie: str) -> None:
    assert not leaves(cookie)


def test_held_cookies_are_named_and_every_other_header_stays_in_its_place() -> None:
    headers = [("A", "1"), ("set-cookie", "_ga=1"), ("SET-COOKIE", "basket=1"), ("Set-Cookie", "_ad=1"), ("B", "_ga=1")]
    kept, held = hold_set_cookies(RULES, NONE, headers, now=NOW)
    assert kept == [("A", "1"), ("SET-COOKIE", "basket=1"), ("B", "_ga=1")]
    assert held == ("_ga", "_ad")


def ended(cookies: str, hostname: str, allowed: frozenset[str] = NONE, *, secure: bool = False) -> list[str]:
    return expire(RULES, allowed, cookies, hostname, secure=secure)


def test_known_cookies_of_a_request_are_ended_on_the_host_and_on_every_domain_above_it() -> None:
    lines = ended("a=1; _ga=2; basket=3", "www.shop.example")
    assert [line.partition("Path=/")[2] for line in lines] == ["", "; Domain=www.shop.example", "; Domain=shop.example"]
    assert all(line.startswith("_ga=; Max-Age=0; ") for line in lines)


def test_wildcard_cookies_are_ended_by_the_names_that_the_request_has() -> None:
    lines = ended("_ga_B=1; _ga_A=2; my-visit=3; other=4", "localhost")
    assert [line.partition("=")[0] for line in lines] == ["_ga_A", "_ga_B", "my-visit"]


@pytest.mark.parametrize("hostname", ["127.0.0.1", "::1", "[::1]", "[::ffff:10.0.0.1]", "localhost", ""])
def test_an_address_and_a_single_name_have_no_domain_above_them(hostname: str) -> None:
    assert len(ended("_ga=1", hostname)) == 1
    assert "Domain" not in ended("_ga=1", hostname)[0]


def test_over_https_the_partition_of_the_site_is_emptied_too() -> None:
    lines = ended("_ga=1", "shop.example", secure=True)
    assert all("; Secure" in line for line in lines)
    assert [line.endswith("; Secure; SameSite=None; Partitioned") for line in lines] == [False, False, True]
    assert not any("Secure" in line for line in ended("_ga=1", "shop.example"))


def test_allowed_cookies_are_not_ended_and_an_undeclared_services_always_are() -> None:
    assert ended("_ga=1; _ad=2; basket=3", "localhost", ALL) == []
    assert [line.partition("=")[0] for line in ended("_heat=1", "localhost", ALL)] == ["_heat"]


@pytest.mark.parametrize(
    "cookies", ["", ";", "=", "x", "_ga\r\nSet-Cookie: a=1", "_ga\x00=1", '_ga_";Domain=x=1', "_ga_ü=1", "_ga_a b=1"]
)
def test_a_name_that_is_no_token_is_never_put_into_a_header(cookies: str) -> None:
    for line in ended(cookies, "localhost"):
        assert line.partition("=")[0] == "_ga_" or line.partition("=")[0] == "_ga"
        assert "\r" not in line
        assert "\n" not in line


def links(value: str, allowed: frozenset[str] = NONE) -> list[str]:
    return [value for _, value in hold_links(RULES, allowed, [("Link", value)], site="site.example")]


@pytest.mark.parametrize(
    "relation",
    ["preload", "preconnect", '"prefetch"', "'dns-prefetch'", "STYLESHEET", '"alternate stylesheet"', "modulepreload"],
)
def test_a_link_header_that_loads_from_a_held_host_does_not_leave(relation: str) -> None:
    assert links(f"<https://stats.example/a.js>; as=script; rel={relation}") == []
    assert links(f"<//stats.example>;rel = {relation}") == []
    assert links(f"</proxy/stats.js>; rel={relation}") == []
    assert len(links(f"<https://stats.example/a.js>; rel={relation}", ALL)) == 1


def test_other_links_of_the_same_header_stay() -> None:
    kept = '</own.css>; rel=preload; as=style, <https://x.example/a,b>; title="a, b"; rel=preload'
    assert links(kept) == [kept]
    assert links(f"<https://stats.example>; rel=preconnect, {kept}") == [f" {kept}"]
    assert links("<https://stats.example/about>; rel=canonical") == ["<https://stats.example/about>; rel=canonical"]


def test_a_link_header_may_load_by_its_set_of_images_too() -> None:
    assert links('</a.jpg>; rel=preload; as=image; imagesrcset="https://stats.example/a.jpg 2x"') == []


HELD_LINK = "<https://stats.example/a.js>"


@pytest.mark.parametrize(
    "value",
    [
        rf'{HELD_LINK}; rel="pre\load"',
        rf'{HELD_LINK}; rel="\p\r\e\l\o\a\d"; as=script',
        f'{HELD_LINK}; title=">,<"; rel=preload',
        f'{HELD_LINK}; title=", </own.js>; rel=canonical"; rel=preload',
        rf'{HELD_LINK}; title="\", <"; rel=preload',
        f"{HELD_LINK};; rel=preload;",
        f"{HELD_LINK} ; crossorigin ; rel = preload",
        f"{HELD_LINK}; rel='alternate stylesheet'",
        f"\t{HELD_LINK}; rel=x; rel=preload",
        "</proxy/stats.js>; rel=preload",
        r'</own.jpg>; rel=preload; as=image; imagesrcset="https://stat\s.example/a.jpg 2x"',
        '</own.jpg>; rel=preload; as=image; imagesrcset="/own.jpg 1x, /proxy/stats.js 2x"',
    ],
)
def test_a_link_header_is_read_as_its_standard_says_however_it_is_quoted(value: str) -> None:
    assert links(value) == []
    kept = '</own.css>;rel=preload;  title="a \\"b\\", <c>; d" ; as=style'
    assert links(f"{kept} ,{value}") == [f"{kept} "]
    assert links(f"{value},\t{kept}") == [f"\t{kept}"]
    assert links(f"{kept},{value}", ALL) == [f"{kept},{value}"]


@pytest.mark.parametrize(
    "value",
    [
        rf'{HELD_LINK}; rel="pre\\load"',
        f'{HELD_LINK}; title="; rel=preload"; rel=canonical',
        f'{HELD_LINK}; title="x; rel=preload, <y>"',
        f'</own.css>; title=", {HELD_LINK}; rel=preload, <"; rel=canonical',
        "</own.css>; title='https://stats.example/a.js'; rel=canonical",
        "<https://stats.example.org/a>; rel=preload",
        f"{HELD_LINK};rel=next,, ,</own>; rel=prefetch,",
        "",
        " , ",
    ],
)
def test_a_link_that_loads_nothing_of_theirs_stays_as_it_is(value: str) -> None:
    assert links(value) == [value]


@pytest.mark.parametrize(
    "value",
    [
        f'{HELD_LINK}; title="x; rel=preload',
        f"{HELD_LINK}; title='its; rel=preload",
        f'{HELD_LINK}; title=a"b,c"; rel=preload',
        f"{HELD_LINK} rel=preload",
        f"x {HELD_LINK}; rel=preload",
        "<https://stats.example/a.js; rel=preload",
        f'</own.css>; title="x, {HELD_LINK}; rel=preload',
        r'</own.css; rel=preload; imagesrcset="https:/\/stat\s.example/a.jpg 2x"',
        "</proxy/stats.js; rel=preload",
    ],
)
def test_what_cannot_be_read_of_a_link_header_is_held_if_anything_in_it_would_be(value: str) -> None:
    kept = "</own.css>; rel=preload; as=style"
    assert links(value) == []
    assert links(f"{kept}, {value}") == [kept]
    assert links(value, ALL) == [value]
    own = value.replace("stats", "site").replace(r"stat\s", "site")
    assert links(f"{kept}, {own}") == [f"{kept}, {own}"]


@pytest.mark.parametrize("unit", ["<a>; ", "; ", ";", '"', '\\"', " ", "<", "<a>,", "a", ';a="', ';a="\\"'])
def test_a_link_header_is_read_in_time_that_grows_with_its_length(unit: str) -> None:
    started = time.thread_time()
    for before in ("", "<a>; rel=preload", '<a>; title="', "<a>; title="):
        links(f'{before}{unit * (80_000 // len(unit))}"')
    assert time.thread_time() - started < 20  # of CPU; what goes back over it takes minutes


def test_a_link_header_may_have_other_parameters_and_members_that_are_empty() -> None:
    kept = "</own.css>; rel=stylesheet; title*=UTF-8''n%20x; note=it's"
    assert links(f"{kept}, <//stats.example/a.css>; rel=stylesheet") == [kept]
    assert links("<//stats.example/a.css>; rel=stylesheet,") == []
    assert links(f"{kept},, ") == [f"{kept},, "]


@pytest.mark.parametrize(
    "value",
    [
        "0;url=https://stats.example/",
        "5; URL='//stats.example/a'",
        "0,https://stats.example",
        "0;url=/proxy/stats.js",
        "0; //stats.example",
    ],
)
def test_a_refresh_to_a_held_host_does_not_leave(value: str) -> None:
    assert hold_links(RULES, NONE, [("Refresh", value)], site="site.example") == []
    assert len(hold_links(RULES, ALL, [("refresh", value)], site="site.example")) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Speculation-Rules", '"https://stats.example/rules.json"'),
        ("Reporting-Endpoints", 'main="/reports", far="https://stats.example/r"'),
        ("Attribution-Reporting-Redirect", '["https://site.example/r", "https://stats.example/r"]'),
        ("Attribution-Reporting-Register-OS-Source", '"https://stats.example/r"; debug-reporting'),
        ("attribution-reporting-register-os-trigger", '"https://site.example/r", "https://stats.example/r"'),
        ("Alt-Svc", 'h3=":443"; ma=60, h2="stats.example:443"'),
    ],
)
def test_no_header_sends_a_browser_to_a_held_host(name: str, value: str) -> None:
    assert hold_links(RULES, NONE, [(name, value)], site="site.example") == []
    assert hold_links(RULES, ALL, [(name, value)], site="site.example") == [(name, value)]
    own = value.replace("stats.example", "site.example")
    assert hold_links(RULES, NONE, [(name, own)], site="site.example") == [(name, own)]


@pytest.mark.parametrize(
    "value",
    [
        '{"group": "a", "max_age": 60, "endpoints": [{"url": "https://stats.example/r"}]}',
        r'{"group": "a\"b", "max_age": 60, "endpoints": [{"url": "https:\/\/\u0073tats.example\/r"}]}',
    ],
)
def test_an_order_to_report_to_a_held_host_is_ended(value: str) -> None:
    other = ("Report-To", '{"group": "own", "max_age": 60, "endpoints": [{"url": "https://site.example/r"}]}')
    reports = [("NEL", '{"report_to": "a", "max_age": 60}'), other, ("report-to", value)]
    kept = dict(hold_links(RULES, NONE, reports, site="site.example")[::2])
    assert {name: json.loads(text)["max_age"] for name, text in kept.items()} == {"NEL": 0, "report-to": 0}
    assert hold_links(RULES, NONE, reports, site="site.example")[1] == other
    assert hold_links(RULES, ALL, reports, site="site.example") == reports
    assert hold_links(RULES, NONE, reports[:2], site="site.example") == reports[:2]


HELD_REPORTS = "https://stats.example/r"


@pytest.mark.parametrize("name", ["Content-Security-Policy", "content-security-policy-report-only"])
@pytest.mark.parametrize(
    ("policy", "left"),
    [
        (f"default-src 'self'; report-uri {HELD_REPORTS}", "default-src 'self'; "),
        (f"Report-URI\t{HELD_REPORTS} ;img-src *", ";img-src *"),
        (f"report-uri /csp {HELD_REPORTS} https://site.example/csp; img-src *", "report-uri /csp https://site.example/csp; img-src *"),
        (f"img-src *, report-uri {HELD_REPORTS}, report-uri /csp", "img-src *, , report-uri /csp"),
        ("report-uri /proxy/stats.js", ""),
        ("default-src 'self'; report-uri /csp https://site.example/csp; report-to main", None),
        (f"script-src {HELD_REPORTS}; img-src report-uri {HELD_REPORTS}", None),
    ],
)  # fmt: skip
def test_a_policy_of_the_sites_reports_to_no_held_host(name: str, policy: str, left: str | None) -> None:
    assert hold_links(RULES, NONE, [(name, policy)], site="site.example") == [(name, policy if left is None else left)]
    assert hold_links(RULES, ALL, [(name, policy)], site="site.example") == [(name, policy)]


@pytest.mark.parametrize(
    "value", ["5", "0;url=/next", "0;url=/?to=https://stats.example", "0;url=https://stats.example.org/"]
)
def test_another_refresh_leaves(value: str) -> None:
    assert hold_links(RULES, NONE, [("Refresh", value)], site="site.example") == [("Refresh", value)]


def test_who_has_a_name_as_long_as_no_host_ends_cookies_on_it_alone() -> None:
    assert len(ended("_ga=1", "a." * 2000 + "example")) == 1
    assert len(ended("_ga=1", "a.b.c.d.e.f.g.h.i.example")) == 1
    assert len(ended("_ga=1", 'a".example')) == 1


def test_what_ends_cookies_leaves_room_in_the_header() -> None:
    lines = ended("; ".join(f"_ga_{number}=1" for number in range(5000)), "www.shop.example", secure=True)
    assert len(lines) >= 4
    assert sum(map(len, lines)) <= 2048


def test_a_frameworks_own_cookie_leaves_and_is_not_ended() -> None:
    rules = Rules(
        Policy.of(
            purposes=[Purpose("necessary"), Purpose("analytics")],
            services=[Service("stats", purposes=("analytics",), cookies=(Cookie("*session*"),))],
            necessary_cookies=["session"],
        )
    )
    headers = [("Set-Cookie", "session=1"), ("Set-Cookie", "stats-session=2")]
    assert hold_set_cookies(rules, NONE, headers, now=NOW) == (headers[:1], ("stats-session",))
    ended = expire(rules, NONE, "session=1; stats-session=2", "example.org", secure=False)
    assert {value.partition("=")[0] for value in ended} == {"stats-session"}
