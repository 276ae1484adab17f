"""``consent check``: green where all is right, red with what to do where it is not, and an exit code for pipelines."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from records import make_record
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Response

from consent.cli import main
from consent.log.record import mac_key
from consent.log.store import SqlStore, open_database
from consent.wsgi import ConsentMiddleware

KEY = "a key for these tests alone, long enough"
PAGE = b'<!doctype html><html><body><h1>Lamps</h1><script src="https://www.google-analytics.com/a.js"></script></body></html>'
TOML = """
secret_key = "{key}"
services = ["google-analytics"]
privacy_url = "/privacy"
regime = "eu"
log = "sqlite:///{log}"
"""


class Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002
        pass


@contextmanager
def serving(app: Callable[..., Iterable[bytes]]) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def bare(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    missing = environ["PATH_INFO"] != "/"
    headers = [("Content-Type", "text/html; charset=utf-8")]
    if not missing:
        headers.append(("Set-Cookie", "_ga=1; Path=/; Max-Age=60"))
    start_response("404 Not Found" if missing else "200 OK", headers)
    return [PAGE]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "consent.toml"
    path.write_text(TOML.format(key=KEY, log=tmp_path / "consent.db"))
    main(["log", "init", "--config", str(path)])
    return path


def checked(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[tuple[str, str], str]]:
    """The exit code, and the state of each point."""
    capsys.readouterr()
    code = main(["check", *arguments, "--json"])
    return code, {(each["area"], each["what"]): each["state"] for each in json.loads(capsys.readouterr().out)}


def test_a_site_that_is_set_up_well_is_all_green(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gated = ConsentMiddleware(bare, str(config))
    with serving(gated) as url:
        code, points = checked(capsys, str(config), "--url", url, "--strict")
    assert {what: state for what, state in points.items() if state != "good"} == {}
    assert code == 0
    assert ("addresses", "a choice that another site posts is refused") in points
    assert ("log", "what is recorded is sealed") in points


def test_a_site_without_the_middleware_is_red(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(bare) as url:
        code, points = checked(capsys, str(config), "--url", url)
    assert code == 1
    assert {what for (_, what), state in points.items() if state == "bad"} == {
        "a stranger's page calls nobody who needs consent",
        "a stranger gets no cookie that needs consent",
        "no shared cache keeps a visitor's page",
        "a stranger is asked",
        "there is a way to the settings on the page",
        "error pages call nobody who needs consent",
        "a choice that another site posts is refused",
        *(f"/_consent/{name}" for name in ("state", "settings", "consent.js", "consent.css", "declaration.json")),
    }


def test_a_site_that_is_mounted_below_the_root_is_all_green_there(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mounted = DispatcherMiddleware(Response("elsewhere", 404), {"/shop": ConsentMiddleware(bare, str(config))})
    with serving(mounted) as url:
        code, points = checked(capsys, str(config), "--url", f"{url}shop/")
    assert {what: state for what, state in points.items() if state != "good"} == {
        ("addresses", "/.well-known/gpc.json"): "unsure"  # browsers ask for it at the root
    }
    assert code == 0


def test_a_page_whose_choices_go_to_another_host_is_red(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gated = ConsentMiddleware(bare, str(config))

    def proxied(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        return gated({**environ, "HTTP_HOST": "app.internal:8000"}, start_response)

    with serving(proxied) as url:
        assert main(["check", str(config), "--url", url]) == 1
    printed = capsys.readouterr().out
    assert "✗ the page names them on its own host: app.internal:8000\n" in printed
    assert "✓ /_consent/state" in printed


def test_a_site_that_runs_another_policy_is_worth_a_look(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gated = ConsentMiddleware(bare, str(config))
    config.write_text(f'policy = "next"\n{config.read_text()}')
    with serving(gated) as url:
        code, points = checked(capsys, str(config), "--url", url)
    assert code == 0
    assert points["addresses", "/_consent/state"] == "unsure"
    assert main(["check", str(config), "--url", url, "--strict"]) == 1


def test_what_could_be_faster_stops_no_deployment(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consent.check.declared.find_spec", lambda _name: None)
    monkeypatch.setattr("consent.check.declared.sound_hyperscan", lambda: None)
    monkeypatch.setattr("consent.gate.native.fast", None)
    capsys.readouterr()
    assert main(["check", str(config), "--strict"]) == 0
    printed = capsys.readouterr().out
    assert "✓ the gate need not be compiled: " in printed
    assert "✓ hyperscan is not needed: " in printed
    assert "→ pip install 'cookie-consent[speed]'" in printed


def test_a_hyperscan_that_misses_matches_is_worth_a_look(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consent.check.declared.sound_hyperscan", lambda: None)
    capsys.readouterr()
    assert main(["check", str(config), "--strict"]) == 1
    assert "hyperscan is not used: this version misses what it should find" in capsys.readouterr().out


@pytest.mark.parametrize("region", ["FR", "US-CA"])
def test_where_the_law_depends_on_the_region_the_site_is_asked_which_holds_here(
    config: Path, capsys: pytest.CaptureFixture[str], region: str
) -> None:
    config.write_text(config.read_text().replace('regime = "eu"', f'region = "fixed:{region}"'))
    with serving(ConsentMiddleware(bare, str(config))) as url:
        code, points = checked(capsys, str(config), "--url", url, "--strict")
    assert {what: state for what, state in points.items() if state != "good"} == {}
    assert code == 0
    assert ("settings", "the law of the visitor's region") in points
    assert ("site", "a stranger's page calls nobody who needs consent") in points


def test_a_site_that_loads_too_much_is_red_where_the_visitors_region_asks_first(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gated = ConsentMiddleware(bare, str(config))
    config.write_text(config.read_text().replace('regime = "eu"', 'region = "fixed:FR"'))

    def leaking(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """The addresses are the middleware's; the pages have passed it by."""
        return (gated if environ["PATH_INFO"].startswith(("/_consent", "/.well-known")) else bare)(
            environ, start_response
        )

    with serving(leaking) as url:
        code, points = checked(capsys, str(config), "--url", url)
    assert code == 1
    assert points["site", "a stranger's page calls nobody who needs consent"] == "bad"


def answering(
    config: Path,
    body: bytes,
    *headers: tuple[str, str],
    content_type: str = "text/html; charset=utf-8",
    gated: bool = True,
) -> Callable[..., Iterable[bytes]]:
    """A site whose pages are all this one, with the middleware around it."""

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", content_type), *headers])
        return [body]

    return ConsentMiddleware(app, str(config)) if gated else app


def test_what_the_site_has_marked_is_green_where_it_is_held_and_red_where_it_is_not(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (
        b'<!doctype html><html><head><style>@import "https://www.google-analytics.com/a.css";</style></head><body>'
        b'\n<script data-purpose="analytics" src="/own.js"></script>'
        b"<img data-purpose=analytics src=/pixel><style data-purpose=statistics>p{background:url(/p)}</style>"
    )
    with serving(answering(config, page)) as url:
        code, points = checked(capsys, str(config), "--url", url, "--strict")
    assert {what: state for what, state in points.items() if state != "good"} == {}
    assert code == 0
    with serving(answering(config, page, gated=False)) as url:
        assert main(["check", str(config), "--url", url]) == 1
    told = "<img> in line 2, <script> in line 2, <style> in line 2, google-analytics"
    assert f"✗ a stranger's page calls nobody who needs consent: {told}\n" in capsys.readouterr().out


XHTML = (
    b'<html xmlns="http://www.w3.org/1999/xhtml"><head><title>Lamps</title></head><body><h1>Lamps</h1>%s</body></html>'
)


def test_xhtml_is_read_as_xml(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tag = b'<s:script xmlns:s="http://www.w3.org/1999/xhtml" src="https://www.google-analytics.com/a.js"/>'
    kind = "application/xhtml+xml; charset=utf-8"
    with serving(answering(config, XHTML % tag, content_type=kind)) as url:
        _, points = checked(capsys, str(config), "--url", url)
    assert points["site", "a stranger's page calls nobody who needs consent"] == "good"
    assert points["site", "a stranger is asked"] == "unsure", "no banner is put into XHTML"
    with serving(answering(config, XHTML % tag, content_type=kind, gated=False)) as url:
        _, points = checked(capsys, str(config), "--url", url)
    assert points["site", "a stranger's page calls nobody who needs consent"] == "bad"


@pytest.mark.parametrize(
    ("content_type", "body", "why", "remedy"),
    [
        ("application/xhtml+xml", b'<?xml-stylesheet href="/a.css"?>' + XHTML, "XHTML", "as text/html alone"),
        ("text/html, application/xhtml+xml", PAGE, "sent as", "as text/html alone"),
        ("text/html; charset=utf-16", PAGE, "encoded as utf-16", "in UTF-8"),
    ],
)
def test_pages_that_cannot_be_gated_are_red(
    config: Path, capsys: pytest.CaptureFixture[str], content_type: str, body: bytes, why: str, remedy: str
) -> None:
    with serving(answering(config, body, content_type=content_type)) as url:
        assert main(["check", str(config), "--url", url]) == 1
    printed = capsys.readouterr().out
    assert f"✗ the page can be read: {why}" in printed
    assert f"✗ error pages can be read: {why}" in printed
    assert remedy in printed


@pytest.mark.parametrize(
    ("cached", "state"), [("private, max-age=60", "good"), ("no-store", "good"), ("max-age=60", "bad")]
)
def test_a_page_that_a_shared_cache_may_keep_is_red(
    config: Path, capsys: pytest.CaptureFixture[str], cached: str, state: str
) -> None:
    with serving(answering(config, b"<!doctype html><p>", ("Cache-Control", cached), gated=False)) as url:
        _, points = checked(capsys, str(config), "--url", url)
    assert points["site", "no shared cache keeps a visitor's page"] == state


@pytest.mark.parametrize(
    ("coding", "body", "found"),
    [
        ("gzip", gzip.compress(PAGE), "✗ a stranger's page calls nobody who needs consent: google-analytics"),
        ("gzip", b"not at all", "? the page can be read: it comes in gzip"),
        ("zstd", b"whatever", "? the page can be read: it comes in zstd"),
    ],
)
def test_a_page_that_is_compressed_unasked_is_read_or_said_to_be_unread(
    config: Path, capsys: pytest.CaptureFixture[str], coding: str, body: bytes, found: str
) -> None:
    with serving(answering(config, body, ("Content-Encoding", coding), gated=False)) as url:
        main(["check", str(config), "--url", url])
    assert f"{found}\n" in capsys.readouterr().out


@pytest.mark.parametrize("wall", ["guard", "csp", "csp-report"])
def test_a_second_wall_that_does_not_arrive_is_red(config: Path, capsys: pytest.CaptureFixture[str], wall: str) -> None:
    config.write_text(f'wall = "{wall}"\n{config.read_text()}')
    gated = ConsentMiddleware(bare, str(config))

    def stripped(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Through a proxy that sends no policies on, and pages without their guard."""

        def start(status: str, headers: list[tuple[str, str]], *_: Any) -> Any:
            return start_response(status, [(key, value) for key, value in headers if "security" not in key.lower()])

        return [b"".join(gated(environ, start)).replace(b"<script data-granted", b"<script data-removed", 1)]

    with serving(gated) as url:
        assert checked(capsys, str(config), "--url", url)[1]["site", "the second wall arrives"] == "good"
    with serving(stripped) as url:
        assert checked(capsys, str(config), "--url", url)[1]["site", "the second wall arrives"] == "bad"


def test_cookies_on_the_way_to_the_page_count_and_deleted_ones_do_not(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/":
            cookies = [("Set-Cookie", "_ga=1; Path=/"), ("Set-Cookie", "_gid=1; Path=/")]
            start_response("302 Found", [("Location", "/en/"), *cookies])
            return []
        start_response("200 OK", [("Content-Type", "text/html"), ("Set-Cookie", "_gid=; Path=/; Max-Age=0")])
        return [b"<!doctype html><p>"]

    with serving(app) as url:
        main(["check", str(config), "--url", url])
    assert "✗ a stranger gets no cookie that needs consent: _ga\n" in capsys.readouterr().out


def test_what_is_exempt_may_run_for_a_stranger(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text(
        f'secret_key = "{KEY}"\nprivacy_url = "/privacy"\nregime = "fr"\nlog = "sqlite:///{config.parent / "consent.db"}"\n'
        '[services.matomo]\nhosts = ["stats.example.org"]\n[services.matomo.exempt]\nby = "cnil"\nalone = true\n'
        "anonymous = true\nno_matching = true\none_site = true\ninformed = true\nnot_renewed = true\n"
        "cookie_days = 390\ndata_months = 25\n"
    )
    page = b'<!doctype html><html><body><script src="https://stats.example.org/matomo.js"></script>'
    with serving(answering(config, page)) as url:
        code, points = checked(capsys, str(config), "--url", url)
    assert {what: state for what, state in points.items() if state == "bad"} == {}
    assert code == 0


def test_each_area_is_said_once(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(ConsentMiddleware(bare, str(config))) as url:
        capsys.readouterr()
        main(["check", str(config), "--url", url])
    heads = [line for line in capsys.readouterr().out.splitlines() if line and not line.startswith(" ")]
    assert heads[:-1] == ["settings", "keys", "log", "site", "addresses"]
    assert heads[-1] == "All is right."


def test_what_the_settings_leave_open_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "consent.toml"
    path.write_text(f'secret_key = "{KEY}"\nlog = "sqlite:///:memory:"\n')
    code, points = checked(capsys, str(path), "--no-log")
    assert code == 1
    assert points["settings", "something is declared"] == "bad"
    assert points["settings", "the banner leads to a privacy page"] == "bad"
    assert points["log", "it outlives the process"] == "bad"


def test_a_log_that_is_not_there_is_said_with_what_to_do(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (config.parent / "consent.db").unlink()
    assert main(["check", str(config)]) == 1
    printed = capsys.readouterr().out
    assert "consent log init --config FILE" in printed
    assert re.search(r"^1 of \d+ points is wrong\.$", printed, re.MULTILINE)


@pytest.mark.parametrize(
    ("log", "told"),
    [
        ("sqlite:////no/such/folder/consent.db", "make the folder"),
        ("mysql://localhost/consent", "mend the setting log"),
    ],
)
def test_a_log_that_cannot_be_there_is_said_with_what_to_do(
    config: Path, capsys: pytest.CaptureFixture[str], log: str, told: str
) -> None:
    config.write_text(config.read_text().replace(f"sqlite:///{config.parent / 'consent.db'}", log))
    assert main(["check", str(config)]) == 1
    assert told in capsys.readouterr().out


def test_another_key_than_the_sites_is_worth_a_look(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = SqlStore(open_database(f"sqlite:///{config.parent / 'consent.db'}"), [mac_key(KEY.encode())])
    store.append(make_record(0, ts=int(time.time() * 1000)))
    store.close()
    assert checked(capsys, str(config))[1]["log", "its records were made with this key"] == "good"
    config.write_text(config.read_text().replace(KEY, "another key for these tests, long enough"))
    code, points = checked(capsys, str(config))
    assert points["log", "its records were made with this key"] == "unsure"
    assert code == 0
    other = '"another key for these tests, long enough"'
    config.write_text(config.read_text().replace(other, f'[{other}, "{KEY}"]'))
    assert checked(capsys, str(config), "--strict")[0] == 0


def test_who_has_no_file_is_told_of_the_frameworks_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["check"]) == 2
    assert "flask consent check" in capsys.readouterr().err


def test_wrong_settings_are_one_clear_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "consent.toml"
    path.write_text(f'secret_key = "{KEY}"\nservices = ["goggle-analytics"]\n')
    assert main(["check", str(path)]) == 2
    assert "google-analytics" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://[::1/", "http://"])
def test_nobody_at_the_address_is_one_red_point(config: Path, capsys: pytest.CaptureFixture[str], url: str) -> None:
    code, points = checked(capsys, str(config), "--url", url)
    assert code == 1
    assert points["site", "it answers"] == "bad"


def test_nothing_fails_on_a_terminal_that_knows_few_letters(config: Path) -> None:
    arguments = [sys.executable, "-m", "consent.cli", "check", str(config)]
    done = subprocess.run(
        arguments, env={**os.environ, "PYTHONIOENCODING": "latin-1"}, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\\u2713 they can be read" in done.stdout


@pytest.mark.parametrize("status", ["200 OK", "404 Not Found"])
def test_an_answer_that_breaks_off_is_one_red_point(
    config: Path, capsys: pytest.CaptureFixture[str], status: str
) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response(status, [("Content-Type", "text/html"), ("Content-Length", "1000")])
        return [PAGE]

    with serving(app) as url:
        assert main(["check", str(config), "--url", url]) == 1
    assert "✗ it answers: IncompleteRead" in capsys.readouterr().out


def test_the_same_is_a_page_for_people(config: Path, tmp_path: Path) -> None:
    (config.parent / "consent.db").unlink()
    main(["check", str(config), "--html", str(tmp_path / "check.html")])
    page = (tmp_path / "check.html").read_text("utf-8")
    assert "Check of a site" in page
    assert "consent log init" in page
    assert "<script" not in page
