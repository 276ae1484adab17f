"""What docs/server-side.md and docs/accounts.md show works as it stands there."""

from __future__ import annotations

import re
import time
import tomllib
from pathlib import Path
from typing import Any

import flask
import pytest
from doors import SECRET, SETTINGS, _django_settings

from consent import NotAllowed, read_settings
from consent.flask import Consent
from consent.testing import ListStore
from consent.visitor.decision import Decision

DOCS = Path(__file__).parents[2] / "docs"
SERVER_SIDE, ACCOUNTS = (DOCS.joinpath(name).read_text("utf-8") for name in ("server-side.md", "accounts.md"))


def blocks(text: str, language: str = "python") -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def run(block: str, names: dict[str, Any]) -> dict[str, Any]:
    exec(compile(block, "docs", "exec"), names)
    return names


@pytest.fixture
def app() -> flask.Flask:
    app = flask.Flask("shop")
    app.config |= {"SECRET_KEY": SECRET, "CONSENT": SETTINGS}
    Consent(app)
    app.extensions["consent"].store = ListStore()
    return app


def test_the_views_are_as_the_page_says(app: flask.Flask) -> None:
    first, offers, count, *_ = blocks(SERVER_SIDE)
    names = run(first, {"app": app})
    run(offers, names)
    browser = app.test_client()
    assert browser.get("/recommendations").status_code == 403
    assert "Offers for everybody" in browser.get("/offers").text
    browser.post("/_consent/decision", data={"action": "accept"})
    assert "What others read" in browser.get("/recommendations").text
    assert "Offers for you" in browser.get("/offers").text
    counted = run(count, names)["count"]
    with app.test_request_context():
        assert counted(flask.g.get("consent") or app.jinja_env.globals["consent"], "The news") is None


def test_the_rest_of_the_page_runs_for_who_refused_and_for_who_agreed(
    app: flask.Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookies, events, tasks, worker = blocks(SERVER_SIDE)[3:]
    monkeypatch.setattr("celery.app.task.Task.delay", lambda task, *args: task.apply(args))
    site = app.extensions["consent"]
    sent: list[Any] = []

    class Client:
        def post(self, _url: str, json: Any) -> None:
            sent.append(json)

    for granted in (frozenset[str](), frozenset({"analytics", "marketing", "research"})):
        decision = Decision(granted, policy="1", model="opt-in", at=int(time.time()))
        cookie = f"consent={site.consent.cookie.encode(decision)}"
        with app.test_request_context(headers={"Cookie": cookie}):
            visitor = app.jinja_env.globals["consent"]
            names: dict[str, Any] = {"visitor": visitor, "flask": flask, "client": Client(), "site": site}
            if not granted:
                response, *lines = [line for line in cookies.splitlines() if line]
                run(response, names)
                for line in lines:
                    assert eval(line, names) is ("# True" in line), line
            run(events, names)
            run(tasks, names)
            assert names["convert"].delay(7, visitor.carry()).get() == ("sent" if granted else "dropped")
            run(worker, names | {"CONSENT": SETTINGS, "SECRET_KEY": SECRET, "value": visitor.carry()})
            if not granted:
                with pytest.raises(NotAllowed):
                    names["event"].payload({})
    assert [each["client_id"] for each in sent] == ["7"]


def test_the_shortest_account_is_read_as_it_stands() -> None:
    names = run(blocks(ACCOUNTS)[0], {})
    settings = read_settings(names["CONSENT"], keys=SECRET)
    assert settings.account is not None
    assert settings.account.find({"x-user-id": "4711"}.get) == "4711"
    by_header = read_settings({**names["CONSENT"], "account": "header:X-User-Id"}, keys=SECRET).account
    assert by_header is not None
    assert by_header.find({"x-user-id": "4711"}.get) == "4711"


def test_django_s_account_is_whose_session_it_is() -> None:
    _django_settings(SETTINGS, "unset")
    from django.test.utils import override_settings

    with override_settings(SESSION_ENGINE="django.contrib.sessions.backends.cache"):
        account = run(blocks(ACCOUNTS)[1], {})["account"]
        from django.contrib.sessions.backends.cache import SessionStore

        session = SessionStore()
        session["_auth_user_id"] = "4711"
        session.save()
        assert account({"cookie": f"a=b; sessionid={session.session_key}"}.get) == "4711"
        for cookie in (None, "", "a=b", "sessionid=", "sessionid=nobody-s"):
            assert account({"cookie": cookie}.get) is None


def test_flask_s_account_is_whose_session_it_is(app: flask.Flask) -> None:
    account = run(blocks(ACCOUNTS)[2], {"app": app})["account"]

    @app.get("/login")
    def login() -> str:
        flask.session["_user_id"] = "4711"
        return ""

    browser = app.test_client()
    browser.get("/login")
    session = browser.get_cookie("session")
    assert session is not None
    assert account({"cookie": f"session={session.value}"}.get) == "4711"
    for cookie in (None, "", "session=forged", f"session={session.value}x"):
        assert account({"cookie": cookie}.get) is None


def test_an_account_s_subject_is_what_the_commands_are_given(app: flask.Flask) -> None:
    [block] = [block for block in blocks(ACCOUNTS) if "subject" in block]
    assert re.fullmatch(r"[0-9a-f]{32}", run(block, {"site": app.extensions["consent"]})["subject"])


def test_hosts_that_share_are_read_as_they_stand() -> None:
    [block] = blocks(ACCOUNTS, "toml")
    assert read_settings(tomllib.loads(block), keys=SECRET).cookie_domain == "example.org"


@pytest.mark.parametrize("name", ["server-side.md", "accounts.md"])
def test_every_link_has_an_end(name: str) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", DOCS.joinpath(name).read_text("utf-8")):
        page, _, anchor = target.partition("#")
        text = DOCS.joinpath(page or name).read_text("utf-8")
        headings = {
            re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
            for title in re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
        }
        assert not anchor or anchor in headings, target
