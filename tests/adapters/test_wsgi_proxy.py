"""Behind a proxy: who a visitor is, and where, is believed of those only whom the site's owner named."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from doors import SECRET, SETTINGS
from waitress.proxy_headers import proxy_headers_middleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import Client, TestResponse

from consent.testing import ListStore
from consent.wsgi import ConsentMiddleware

FORM = "action=accept"
#: All that proxies use to say whom they speak for, as somebody would write it who is no proxy.
LIES = {
    "X-Forwarded-For": "203.0.113.9, 192.0.2.1",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "8443",
    "X-Forwarded-Prefix": "/evil",
    "X-Forwarded-Ssl": "on",
    "X-Real-Ip": "203.0.113.9",
    "X-Original-Url": "/evil",
    "Forwarded": 'for=203.0.113.9;proto=https;host="evil.example"',
}
TRUST = {"x_for": 1, "x_proto": 1, "x_host": 1, "x_prefix": 1}


def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    return [b"<!doctype html><body><h1>News</h1>"]


def site(**settings: Any) -> ConsentMiddleware:
    gate = ConsentMiddleware(app, {**SETTINGS, **settings}, secret_key=SECRET)
    gate.site.store = ListStore()
    return gate


def ask(application: Any, headers: dict[str, str] | None = None, address: str = "8.8.4.4") -> TestResponse:
    return Client(application).get("/", headers=headers or {}, environ_base={"REMOTE_ADDR": address})


def decide(application: Any, headers: dict[str, str], address: str = "8.8.4.4") -> TestResponse:
    return Client(application).post(
        "/_consent/decision",
        data=FORM,
        headers={"Content-Type": "application/x-www-form-urlencoded", **headers},
        environ_base={"REMOTE_ADDR": address},
    )


# Nobody is believed who was not named


@pytest.mark.parametrize("name", LIES)
def test_what_a_visitor_says_of_itself_changes_no_page(name: str) -> None:
    assert ask(site(), {name: LIES[name]}).text == ask(site()).text


def test_nor_does_all_of_it_at_once_change_a_decision() -> None:
    gate = site()
    answer = decide(gate, {**LIES, "Origin": "http://localhost"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert answer.headers["Set-Cookie"].startswith("consent="), "no cookie of HTTPS, over HTTP"
    assert "Secure" not in answer.headers["Set-Cookie"]
    store = gate.site.store
    assert isinstance(store, ListStore)
    assert [record.site for record in store.kept] == ["localhost"]


def test_another_site_s_post_does_not_become_ours_by_a_forwarded_host() -> None:
    assert decide(site(), {"Origin": "https://evil.example", **LIES}).status_code == 403


@pytest.mark.parametrize("name", LIES)
def test_nobody_escapes_the_limit_of_its_network_by_making_addresses_up(name: str) -> None:
    gate = site()
    gate.site.store = ListStore(limited={"8.8.4.0/24"})
    made_up = {name: LIES[name], "Sec-Fetch-Site": "same-origin"}
    assert decide(gate, made_up).status_code == 429
    assert decide(ProxyFix(gate, x_for=0, x_proto=1), made_up).status_code == 429
    assert decide(gate, made_up, "9.9.9.9").status_code == 303


def test_nor_behind_a_proxy_that_adds_the_address_that_it_sees() -> None:
    gate = site()
    gate.site.store = ListStore(limited={"8.8.4.0/24"})
    for said, status in {"1.1.1.1, 8.8.4.4": 429, "8.8.4.4": 429, "8.8.4.4, 1.1.1.1": 303}.items():
        headers = {"Sec-Fetch-Site": "same-origin", "X-Forwarded-For": said}
        assert decide(ProxyFix(gate, **TRUST), headers, "10.0.0.1").status_code == status


# Who was named is


def test_a_proxy_that_is_trusted_says_how_and_where_the_visitor_asked() -> None:
    said = {
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "www.example.org",
        "X-Forwarded-Prefix": "/news",
    }
    gate = site()
    application = ProxyFix(gate, **TRUST)
    assert 'action="//www.example.org/news/_consent/decision"' in ask(application, said).text
    answer = decide(application, {**said, "Origin": "https://www.example.org"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/news/")
    assert answer.headers["Set-Cookie"].startswith("__Host-consent=")
    assert decide(application, {**said, "Origin": "https://evil.example"}).status_code == 403
    assert decide(application, {**said, "Origin": "http://localhost"}).status_code == 403


def test_what_stood_before_the_proxy_s_own_word_is_the_visitor_s_and_not_believed() -> None:
    said = {"X-Forwarded-Proto": "https, http", "X-Forwarded-Host": "evil.example, www.example.org"}
    page = ask(ProxyFix(site(), **TRUST), said).text
    assert "//www.example.org/_consent/" in page
    assert "evil.example" not in page
    assert (
        decide(ProxyFix(site(), **TRUST), {**said, "Origin": "http://www.example.org"})
        .headers["Set-Cookie"]
        .startswith("consent=")
    )


def test_what_was_not_named_of_a_proxy_is_not_believed_either() -> None:
    page = ask(ProxyFix(site(), x_for=1, x_proto=1), LIES).text
    assert page == ask(site()).text
    answer = decide(ProxyFix(site(), x_for=1, x_proto=0), {**LIES, "Sec-Fetch-Site": "same-origin"})
    assert answer.headers["Set-Cookie"].startswith("consent=")


def test_fewer_words_than_proxies_are_nobody_s() -> None:
    """Behind two proxies, who reaches the inner one says one word too few."""
    page = ask(ProxyFix(site(), x_for=2, x_proto=2, x_host=2), {**LIES, "X-Forwarded-For": "9.9.9.9"}).text
    assert page == ask(site()).text


# A server that knows its proxy

SPOKEN = {"Forwarded": 'for=203.0.113.9;proto=https;host="www.example.org"'}


def waitress(**options: Any) -> Any:
    """The site as ``waitress-serve --trusted-proxy …`` has it."""
    trusted = {"trusted_proxy": "127.0.0.1", "trusted_proxy_headers": {"forwarded"}, **options}
    return proxy_headers_middleware(site(), clear_untrusted=True, **trusted)


def test_rfc_7239_is_believed_of_whom_a_server_was_told_to_trust_and_of_nobody_else() -> None:
    assert "//www.example.org/_consent/" in ask(waitress(), SPOKEN, "127.0.0.1").text
    assert "//localhost/_consent/" in ask(waitress(), SPOKEN, "8.8.4.4").text
    assert "//localhost/_consent/" in ask(waitress(), {"X-Forwarded-Host": "www.example.org"}, "127.0.0.1").text
    for other in (waitress(trusted_proxy_headers={"x-forwarded-host"}), ProxyFix(site(), **TRUST), site()):
        assert "//localhost/_consent/" in ask(other, SPOKEN, "127.0.0.1").text


# Names of the site


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("example.org", 303),
        ("www.example.org:8000", 303),
        ("evil.example", 403),
        ("example.org.evil.example", 403),
        ("evilexample.org", 403),
        ("exam ple.org", 403),
        ("", 403),
    ],
)
@pytest.mark.parametrize("by", ["Origin", "Origin of nobody", "Sec-Fetch-Site", "neither"])
def test_under_a_name_that_is_not_the_site_s_nothing_is_decided(host: str, status: int, by: str) -> None:
    gate = ConsentMiddleware(app, SETTINGS, secret_key=SECRET, trusted_hosts=["example.org", ".example.org"])
    gate.site.store = store = ListStore()
    said = {"Origin": f"http://{host}", "Origin of nobody": "null", "Sec-Fetch-Site": "same-origin"}
    headers = {by.partition(" ")[0]: said[by]} if by in said else {}
    answer = decide(gate, {"Host": host, **headers})
    expected = 403 if by == "Origin of nobody" else status
    assert (answer.status_code, len(store.kept)) == (expected, expected == 303)
