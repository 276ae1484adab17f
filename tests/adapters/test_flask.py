"""Flask's own: factories, blueprints, contexts, signals, commands, several applications in one process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flask
import pytest
from doors import SECRET, SETTINGS
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import Client

from consent.errors import ConfigurationError, ConsentError
from consent.flask import Consent, decision_recorded
from consent.log.record import Record
from consent.testing import ListStore

TRACKER = '<script src="https://www.google-analytics.com/analytics.js"></script>'
PAGE = f"<!doctype html><html><head>{TRACKER}</head><body><h1>News</h1></body></html>"
SAME_SITE = {"Sec-Fetch-Site": "same-origin"}
OTHERS = "another secret for tests that is long enough"


def make(name: str = "site", *, init: bool = True, **config: Any) -> flask.Flask:
    """An application with one page, behind the gate."""
    app = flask.Flask(name)
    app.config |= {"SECRET_KEY": SECRET, "CONSENT": SETTINGS, **config}
    app.get("/", endpoint="front")(lambda: PAGE)
    if init:
        Consent(app)
        app.extensions["consent"].store = ListStore()
    return app


def accept(client: Any, base: str = "") -> Any:
    return client.post(
        f"{base}/_consent/decision", data={"action": "accept"}, headers={"Sec-Fetch-Site": "same-origin"}
    )


def held(page: str) -> bool:
    assert TRACKER in page or "data-consent-src=" in page
    return TRACKER not in page


# Starting


def test_an_app_from_a_factory_is_behind_the_gate() -> None:
    consent = Consent()

    def create_app(name: str) -> flask.Flask:
        app = make(name, init=False)
        consent.init_app(app)
        return app

    for app in (create_app("one"), create_app("two")):
        app.extensions["consent"].store = ListStore()
        client = app.test_client()
        assert held(client.get("/").text)
        assert accept(client).status_code == 303
        assert not held(client.get("/").text)
        assert len(app.extensions["consent"].store.kept) == 1, "each app has its own log"


def test_settings_may_be_the_path_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "consent.toml"
    path.write_text('services = ["youtube"]\nlog = "sqlite://"\n', "utf-8")
    assert held(make(CONSENT=str(path)).test_client().get("/").text)


def test_an_app_that_has_a_gate_gets_no_second() -> None:
    app = make()
    with pytest.raises(ConfigurationError, match="given to Consent before"):
        Consent(app)
    assert app.test_client().get("/").text.count('id="yc"') == 1


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"CONSENT": None}, "CONSENT: must be a table"),
        ({"SECRET_KEY": None}, "CONSENT.secret_key: there is no key to sign with: set the framework's SECRET_KEY"),
        ({"SECRET_KEY": "dev"}, "at least 16 bytes"),
        ({"CONSENT": {"services": ["google-analitycs"]}}, "did you mean 'google-analytics'"),
    ],
)
def test_what_is_wrong_is_said_when_the_app_is_made(
    config: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CONSENT_SECRET_KEY", raising=False)
    with pytest.raises(ConfigurationError, match=said):
        make(**config)


def test_settings_that_come_too_late_or_not_at_all_are_missed() -> None:
    app = flask.Flask("site")
    app.config["SECRET_KEY"] = SECRET
    with pytest.raises(ConfigurationError, match=r'CONSENT: is missing: set app.config\["CONSENT"\] before Consent'):
        Consent(app)


def test_an_app_that_has_begun_to_answer_gets_no_gate() -> None:
    app = make(init=False)
    assert app.test_client().get("/").text == PAGE
    with pytest.raises(ConfigurationError, match="has begun to answer: give it to Consent where it is made"):
        Consent(app)
    assert app.test_client().get("/").text == PAGE, "as it was"


def test_a_gate_that_was_put_aside_is_missed() -> None:
    app = make(init=False)
    bare = app.wsgi_app
    Consent(app)
    app.wsgi_app = bare  # type: ignore[method-assign]
    app.testing = True
    with pytest.raises(ConsentError, match=r"came through no gate: app\.wsgi_app was replaced after Consent"):
        app.test_client().get("/")


# Requests and contexts


def test_whatever_runs_before_a_request_may_ask_even_if_it_was_there_first() -> None:
    app = make(init=False)
    blueprint = flask.Blueprint("news", __name__, url_prefix="/<lang>")
    asked: list[tuple[str, bool]] = []

    def ask(who: str) -> None:
        asked.append((who, flask.g.consent.allows("analytics")))

    app.url_value_preprocessor(lambda endpoint, values: ask("app's values"))
    app.before_request(lambda: ask("app"))
    blueprint.url_value_preprocessor(lambda endpoint, values: ask("blueprint's values"))
    blueprint.before_request(lambda: ask("blueprint"))
    blueprint.get("/", endpoint="front")(lambda lang: ask("view") or PAGE)
    app.register_blueprint(blueprint)
    app.after_request(lambda response: ask("after") or response)
    Consent(app)
    app.test_client().get("/fr/")
    who = ["app's values", "blueprint's values", "app", "blueprint", "view", "after"]
    assert asked == [(name, False) for name in who]


def test_a_request_that_ends_before_its_view_is_gated() -> None:
    app = make(init=False)
    app.before_request(lambda: (PAGE, 503))
    Consent(app)
    answer = app.test_client().get("/")
    assert (answer.status_code, held(answer.text)) == (503, True)


def test_templates_of_blueprints_and_imported_macros_know_the_visitor(tmp_path: Path) -> None:
    (tmp_path / "foot.html").write_text(
        '{% macro foot() %}{{ consent.settings_link("Cookies") }}'
        '{% if consent.allows("analytics") %}<p>Counted</p>{% endif %}{% endmacro %}'
    )
    (tmp_path / "page.html").write_text(
        '<!doctype html><body>{% from "foot.html" import foot %}{{ consent.banner() }}<h1>N</h1>{{ foot() }}'
    )
    app = make()
    blueprint = flask.Blueprint("news", "news", template_folder=str(tmp_path))
    blueprint.get("/news", endpoint="news")(lambda: flask.render_template("page.html"))
    app.register_blueprint(blueprint)
    client = app.test_client()
    before = client.get("/news").text
    assert before.count('id="yc"') == 1, "placed by hand, and not again"
    assert ">Cookies</a>" in before
    assert "Counted" not in before
    accept(client)
    assert "<p>Counted</p>" in client.get("/news").text


def test_a_request_made_by_hand_has_a_page() -> None:
    """As in a shell, or in a test of a template."""
    app = make()
    with app.test_request_context("/about"):
        shown = flask.render_template_string('{{ consent.allows("analytics") }} {{ consent.settings_link() }}')
    assert shown.startswith("False <a ")
    assert "next=/about" in shown


def test_a_test_client_keeps_the_page_for_who_looks_at_it_after_the_request() -> None:
    app = make()
    with app.test_client() as client:
        client.get("/")
        assert (flask.g.consent.status, flask.g.consent.asked) == ("undecided", True)
        accept(client)
        client.get("/")
        assert (flask.g.consent.status, flask.g.consent.asked) == ("accepted", False)


def test_an_unknown_purpose_is_an_error_and_never_a_no() -> None:
    app = make()
    app.testing = True
    app.get("/typo", endpoint="typo")(lambda: str(flask.g.consent.allows("analitycs")))
    with pytest.raises(LookupError, match="did you mean 'analytics'"):
        app.test_client().get("/typo")


@pytest.mark.parametrize(("path", "status"), [("/none", 404), ("/broken", 500), ("/refused", 403)])
def test_error_pages_are_gated_and_know_the_visitor(path: str, status: int) -> None:
    app = make()

    @app.errorhandler(404)
    @app.errorhandler(403)
    @app.errorhandler(ZeroDivisionError)
    def wrong(error: Exception) -> tuple[str, int]:
        return PAGE + str(flask.g.consent.allows("analytics")), getattr(error, "code", 500)

    app.get("/broken", endpoint="broken")(lambda: str(1 // 0))
    app.get("/refused", endpoint="refused")(lambda: flask.abort(403))
    client = app.test_client()
    answer = client.get(path)
    assert (answer.status_code, held(answer.text), answer.text.count('id="yc"')) == (status, True, 1)
    assert "False" in answer.text
    accept(client)
    assert "True" in client.get(path).text


def test_an_error_that_nobody_handles_is_an_error_page_behind_the_gate() -> None:
    app = make()
    app.get("/broken", endpoint="broken")(lambda: str(1 // 0))
    answer = app.test_client().get("/broken")
    assert answer.status_code == 500
    assert answer.text.count('id="yc"') == 1


# Streams and coroutines


def test_a_stream_is_gated_as_it_comes_and_may_ask_in_its_context() -> None:
    app = make()
    made: list[str] = []

    @app.get("/stream")
    def stream() -> flask.Response:
        def chunks() -> Iterator[str]:
            for piece in ("<!doctype html><body><h1>", flask.request.args["title"], "</h1>", TRACKER):
                made.append(piece)
                yield piece
            yield f"<p>{flask.g.consent.allows('analytics')}</p>"

        return flask.Response(flask.stream_with_context(chunks()))

    client = app.test_client()
    answer = client.get("/stream?title=News", buffered=False)
    body = answer.iter_encoded()
    next(body)
    assert made == ["<!doctype html><body><h1>"], "the first byte left before the next was asked for"
    rest = b"".join(body).decode()
    assert "News</h1>" in rest
    assert held(rest)
    assert "<p>False</p>" in rest
    answer.close()
    accept(client)
    assert f"<h1>News</h1>{TRACKER}<p>True</p>" in client.get("/stream?title=News").text


def test_async_views_and_async_functions_before_them_may_ask() -> None:
    app = make()
    asked: list[bool] = []

    @app.before_request
    async def before() -> None:
        asked.append(flask.g.consent.allows("analytics"))

    @app.get("/async")
    async def view() -> str:
        return PAGE + flask.render_template_string("{{ consent.allows('analytics') }}")

    client = app.test_client()
    page = client.get("/async").text
    assert (held(page), "False" in page, asked) == (True, True, [False])
    accept(client)
    page = client.get("/async").text
    assert (held(page), "True" in page, asked) == (False, True, [False, True])


# Keys and cookies


def test_a_decision_outlives_a_new_key_as_long_as_the_old_one_is_a_fallback() -> None:
    cookie = accept(make().test_client()).headers["Set-Cookie"].partition(";")[0]

    def page(**config: Any) -> str:
        return make(**config).test_client(use_cookies=False).get("/", headers={"Cookie": cookie}).text

    assert held(page(SECRET_KEY=OTHERS))
    assert not held(page(SECRET_KEY=OTHERS, SECRET_KEY_FALLBACKS=[SECRET]))


@pytest.mark.parametrize("name", ["session", "_rs_login"])
def test_the_session_s_cookie_leaves_even_if_a_held_service_s_pattern_matches_it(name: str) -> None:
    study = {"purposes": ["analytics"], "hosts": ["study.example"], "cookies": ["*session*", "_rs_*"]}
    app = make(CONSENT={"services": {"study": study}, "log": "sqlite://"}, SESSION_COOKIE_NAME=name)

    @app.get("/login")
    def login() -> flask.Response:
        flask.session["user"] = "ada"
        response = flask.make_response(PAGE)
        response.set_cookie("_rs_1", "x")
        return response

    app.get("/who", endpoint="who")(lambda: {"user": flask.session.get("user")})
    client = app.test_client()
    set_cookies = client.get("/login").headers.getlist("Set-Cookie")
    assert [value.partition("=")[0] for value in set_cookies] == [name]
    refused = client.post("/_consent/decision", data={"action": "refuse"}, headers={"Sec-Fetch-Site": "same-origin"})
    assert not any(value.startswith(f"{name}=") for value in refused.headers.getlist("Set-Cookie"))
    assert client.get("/who").json == {"user": "ada"}


# Signals


def test_a_decision_that_was_recorded_is_told_in_the_app_s_context() -> None:
    app, other = make("site"), make("other")
    told: list[tuple[flask.Flask, str, str]] = []

    def listen(sender: flask.Flask, *, record: Record) -> None:
        told.append((sender, flask.current_app.name, record.kind))

    with decision_recorded.connected_to(listen, app):
        accept(app.test_client())
        accept(other.test_client())
    accept(app.test_client())
    assert told == [(app, "site", "accept_all")]


def test_a_receiver_may_be_a_coroutine() -> None:
    app = make()
    told: list[str] = []

    async def listen(sender: flask.Flask, *, record: Record) -> None:
        told.append(record.kind)

    with decision_recorded.connected_to(listen, app):
        accept(app.test_client())
    assert told == ["accept_all"]


def test_a_receiver_that_fails_takes_no_decision_back(caplog: pytest.LogCaptureFixture) -> None:
    app = make()

    def listen(sender: flask.Flask, *, record: Record) -> None:
        raise RuntimeError("broken")

    client = app.test_client()
    with decision_recorded.connected_to(listen, app):
        assert accept(client).status_code == 303
    assert not held(client.get("/").text)
    assert "what listens for decisions failed" in caplog.text


def test_what_was_not_recorded_is_not_told() -> None:
    app = make()
    app.extensions["consent"].store.available = False
    told: list[str] = []

    def listen(sender: flask.Flask, *, record: Record) -> None:
        told.append(record.kind)

    with decision_recorded.connected_to(listen, app):
        assert accept(app.test_client()).status_code == 503
    assert told == []


# Commands


@pytest.fixture
def logged(tmp_path: Path) -> flask.Flask:
    """An app with one decision in its log."""
    app = make(init=False, CONSENT={**SETTINGS, "log": f"sqlite:///{tmp_path}/consent.db"})
    Consent(app)
    accept(app.test_client())
    app.extensions["consent"].close()
    return app


def test_flask_consent_is_the_command_line_with_the_app_s_settings(
    logged: flask.Flask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("CONSENT_SECRET_KEY", raising=False)
    monkeypatch.chdir(tmp_path.parent)
    run = logged.test_cli_runner().invoke
    listed = run(args=["consent", "log", "list"])
    assert (listed.exit_code, listed.stdout.count("accept all")) == (0, 1)
    exported = run(args=["consent", "log", "export", "--format", "csv", "--limit", "1"])
    assert exported.stdout.count("accept_all") == 1
    verified = run(args=["consent", "log", "verify"])
    assert verified.exit_code == 3, "good, and not sealed yet"
    found = run(args=["consent", "services", "youtube"])
    assert (found.exit_code, found.stdout.startswith("youtube")) == (0, True)


def test_its_help_and_its_mistakes_are_the_command_line_s(logged: flask.Flask) -> None:
    run = logged.test_cli_runner().invoke
    assert run(args=["consent", "--help"]).stdout.startswith("usage: flask consent [-h]")
    assert run(args=["consent", "log", "list", "--help"]).stdout.startswith("usage: flask consent log list [-h]")
    wrong = run(args=["consent", "log", "lsit"])
    assert (wrong.exit_code, "invalid choice: 'lsit'" in wrong.stderr) == (2, True)
    unknown = run(args=["consent", "log", "show", "ffffffffffff"])
    assert (unknown.exit_code, unknown.stdout) == (5, "")
    assert "Read and prove the log of decisions" in run(args=["--help"]).stdout


# Several applications


def shops() -> tuple[flask.Flask, flask.Flask]:
    news, shop = make("news"), make("shop")
    shop.get("/cart", endpoint="cart")(lambda: PAGE)
    return news, shop


def test_applications_beside_each_other_share_a_visitor_s_choice_if_they_share_key_and_policy() -> None:
    news, shop = shops()
    client = Client(DispatcherMiddleware(news, {"/shop": shop}))
    page = client.get("/shop/cart").text
    assert held(page)
    assert 'action="//localhost/shop/_consent/decision"' in page
    assert 'name="next" value="/shop/cart"' in page
    answer = accept(client, "/shop")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/shop/")
    assert [len(app.extensions["consent"].store.kept) for app in (news, shop)] == [0, 1]
    assert not held(client.get("/shop/cart").text)
    assert not held(client.get("/").text)


def test_an_application_within_one_that_has_a_gate_needs_no_gate_of_its_own() -> None:
    _, shop = shops()
    outer = make("outer", init=False)
    outer.wsgi_app = DispatcherMiddleware(outer.wsgi_app, {"/shop": shop})  # type: ignore[method-assign]
    Consent(outer)
    outer.extensions["consent"].store = ListStore()
    shop.get("/asks", endpoint="asks")(lambda: PAGE + str(flask.g.consent.allows("analytics")))
    client = outer.test_client()
    page = client.get("/shop/asks").text
    assert (held(page), page.count('id="yc"'), "False" in page) == (True, 1, True)
    accept(client)
    assert "True" in client.get("/shop/asks").text
    assert len(outer.extensions["consent"].store.kept) == 1


def test_but_not_with_another_policy() -> None:
    shop = make("shop", CONSENT={"services": ["youtube"], "log": "sqlite://"})
    outer = make("outer", init=False)
    outer.wsgi_app = DispatcherMiddleware(outer.wsgi_app, {"/shop": shop})  # type: ignore[method-assign]
    Consent(outer)
    client = outer.test_client()
    assert held(client.get("/").text)
    with pytest.raises(ConsentError, match="two gates with two policies"):
        client.get("/shop/")


# Behind a proxy


@pytest.mark.parametrize("first", ["proxy fix", "consent"])
def test_a_proxy_fix_stays_around_the_gate_whichever_came_first(first: str) -> None:
    app = make(init=False)
    for step in (first, "consent" if first == "proxy fix" else "proxy fix"):
        if step == "consent":
            Consent(app)
            app.extensions["consent"].store = ListStore()
        else:
            app.wsgi_app = ProxyFix(app.wsgi_app, x_proto=1, x_host=1, x_prefix=1)  # type: ignore[method-assign]
    client = app.test_client()
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "www.example.org", "X-Forwarded-Prefix": "/news"}
    page = client.get("/", headers=headers).text
    assert 'action="//www.example.org/news/_consent/decision"' in page
    answer = client.post(
        "/_consent/decision", data={"action": "accept"}, headers={**headers, "Origin": "https://www.example.org"}
    )
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/news/"
    assert answer.headers["Set-Cookie"].startswith("__Host-consent=")
    assert "; Secure" in answer.headers["Set-Cookie"]


def test_under_a_name_that_the_app_does_not_trust_nothing_is_decided() -> None:
    app = make(TRUSTED_HOSTS=["example.org", ".example.org"])
    client = app.test_client()

    def decide(base: str, **headers: str) -> int:
        return client.post(
            "/_consent/decision", data={"action": "accept"}, base_url=base, headers={"Origin": base, **headers}
        ).status_code

    assert decide("http://www.example.org") == decide("http://example.org:8000") == 303
    assert decide("http://evil.example") == 403
    assert decide("http://evil.example", Origin="null") == 403
    assert decide("http://evil.example", **SAME_SITE) == 403
    assert len(app.extensions["consent"].store.kept) == 2
    assert client.get("/", base_url="http://evil.example").status_code == 400, "Flask's own answer"


# What is no page, and what is Flask's


def test_an_app_s_files_pass_untouched(tmp_path: Path) -> None:
    (tmp_path / "site.css").write_text("body { color: red }")
    (tmp_path / "about.html").write_text(PAGE)
    app = make()
    app.add_url_rule("/files/<path:name>", "files", lambda name: flask.send_from_directory(tmp_path, name))
    client = app.test_client()
    style = {"Accept": "text/css", "Sec-Fetch-Dest": "style"}
    with client.get("/files/site.css", headers=style) as first:
        assert first.text == "body { color: red }"
        tag, date = first.headers["ETag"], first.headers["Last-Modified"]
    for more, status in (
        ({"If-None-Match": tag}, 304),
        ({"If-Modified-Since": date}, 304),
        ({"Range": "bytes=0-3"}, 206),
    ):
        with client.get("/files/site.css", headers={**style, **more}) as answer:
            assert (answer.status_code, answer.headers["ETag"]) == (status, tag)
    with client.get("/files/about.html") as page:
        assert held(page.text)


def test_our_own_addresses_are_answered_before_flask() -> None:
    """No login wall, no token against forgery and no limit of the app's stands between a visitor and their choice."""
    app = make(MAX_CONTENT_LENGTH=1)
    app.before_request(lambda: flask.abort(401))
    client = app.test_client()
    assert client.get("/").status_code == 401
    for path in ("consent.js", "consent.css", "settings", "state"):
        assert client.get(f"/_consent/{path}").status_code == 200
    assert accept(client).status_code == 303
