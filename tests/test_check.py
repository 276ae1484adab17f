"""``consent check``: green where all is right, red with what to do where it is not, and an exit code for pipelines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from consent.cli import main
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
        "a stranger is asked",
        "there is a way to the settings on the page",
        "error pages are gated too",
        "a choice that another site posts is refused",
        *(f"/_consent/{name}" for name in ("state", "settings", "consent.js", "consent.css", "declaration.json")),
    }


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


@pytest.mark.parametrize(("region", "asked"), [("FR", True), ("US-CA", False)])
def test_where_the_law_depends_on_the_region_the_site_is_asked_which_holds_here(
    config: Path, capsys: pytest.CaptureFixture[str], region: str, asked: bool
) -> None:
    config.write_text(config.read_text().replace('regime = "eu"', f'region = "fixed:{region}"'))
    with serving(ConsentMiddleware(bare, str(config))) as url:
        code, points = checked(capsys, str(config), "--url", url, "--strict")
    assert {what: state for what, state in points.items() if state != "good"} == {}
    assert code == 0
    assert ("settings", "the law of the visitor's region") in points
    assert (("site", "a stranger's page calls nobody who needs consent") in points) == asked


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
    assert "consent log init" in capsys.readouterr().out


def test_wrong_settings_are_one_clear_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "consent.toml"
    path.write_text(f'secret_key = "{KEY}"\nservices = ["goggle-analytics"]\n')
    assert main(["check", str(path)]) == 2
    assert "google-analytics" in capsys.readouterr().err


def test_nobody_at_the_address_is_one_red_point(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, points = checked(capsys, str(config), "--url", "http://127.0.0.1:1/")
    assert code == 1
    assert points["site", "it answers"] == "bad"


def test_the_same_is_a_page_for_people(config: Path, tmp_path: Path) -> None:
    (config.parent / "consent.db").unlink()
    main(["check", str(config), "--html", str(tmp_path / "check.html")])
    page = (tmp_path / "check.html").read_text("utf-8")
    assert "Check of a site" in page
    assert "consent log init" in page
    assert "<script" not in page
