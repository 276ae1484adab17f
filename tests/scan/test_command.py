"""``consent scan`` as it is typed: what it prints and writes, and its exit codes."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from consent.cli import main
from find import browser

from . import planted as sites


def run(port: int, *more: str) -> int:
    hosts = [f"--resolve={name}=127.0.0.1:{port}" for name in sites.HOSTS]
    return main(["scan", f"https://{sites.SITE}/", "--limit=1", "--insecure", "--program", browser(), *hosts, *more])


@pytest.mark.browser
def test_what_was_found_is_printed_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {name: tmp_path / f"scan.{name}" for name in ("html", "json", "sarif", "junit", "write")}
    with sites.serving(sites.planted) as port:
        code = run(port, "--phase=before", *(f"--{name}={path}" for name, path in files.items()))
    assert code == 1
    printed = capsys.readouterr()
    assert "Google Analytics is called before any choice [service-without-consent]" in printed.out
    assert "1 visit, 0 to go: before https://shop.example/" in printed.err
    assert "data:image/jpeg" in files["html"].read_text("utf-8")
    assert json.loads(files["json"].read_text("utf-8"))["site"] == sites.SITE
    assert json.loads(files["sarif"].read_text("utf-8"))["version"] == "2.1.0"
    assert files["junit"].read_text("utf-8").startswith("<?xml")
    assert "google-analytics" in tomllib.loads(files["write"].read_text("utf-8"))["services"]


@pytest.mark.browser
def test_a_site_on_which_nothing_is_found_makes_no_alarm(capsys: pytest.CaptureFixture[str]) -> None:
    with sites.serving(sites.clean) as port:
        assert run(port, "--phase=before", "--fail-on=note") == 0
    assert "Nothing was found that should not be." in capsys.readouterr().out


@pytest.mark.browser
def test_a_site_that_does_not_answer_is_said_to_be_none(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "scan.json"
    assert main(["scan", "http://127.0.0.1:1/", "--phase=before", "--program", browser(), "--json", str(file)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    *_, last = printed.err.splitlines()
    assert last.startswith("consent: http://127.0.0.1:1/ could not be scanned: ")
    assert "ERR_" in last
    assert not file.exists(), "nothing was looked at"


@pytest.mark.browser
def test_each_thing_is_one_entry_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with sites.serving(sites.planted) as port:
        run(port, "--phase=before", "--phase=noscript")
    printed, told = capsys.readouterr()
    assert [line.partition(":")[0] for line in told.splitlines()] == ["1 visit, 1 to go", "2 visits, 0 to go"]
    assert printed.startswith("shop.example: 1 page, 2 visits, Chromium ")
    (pixel,) = [line for line in printed.splitlines() if "Meta Pixel is called" in line]
    assert pixel == "error   Meta Pixel is called before any choice and without JavaScript [service-without-consent]"
    assert printed.splitlines()[-1].startswith("Found: ")


@pytest.mark.browser
def test_a_site_is_followed_to_the_name_and_the_scheme_that_it_leads_to(tmp_path: Path) -> None:
    def moved(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["HTTP_HOST"].startswith("www."):
            return sites.planted(environ, start_response)
        start_response("301 Moved Permanently", [("Location", f"https://www.{sites.SITE}{environ['PATH_INFO']}")])
        return []

    with sites.serving(moved) as port, sites.serving(moved, plainly=True) as plain:
        hosts = [f"--resolve={name}:443=127.0.0.1:{port}" for name in sites.HOSTS]
        hosts += [f"--resolve={name}:80=127.0.0.1:{plain}" for name in sites.HOSTS]
        file = tmp_path / "scan.json"
        options = ["--limit=3", "--phase=before", "--insecure", "--program", browser(), "--json", str(file)]
        assert main(["scan", f"http://{sites.SITE}/", *options, *hosts]) == 1
    seen = json.loads(file.read_text("utf-8"))
    assert seen["site"] == f"www.{sites.SITE}"
    assert [visit["url"] for visit in seen["visits"]] == [
        f"https://www.{sites.SITE}/",
        f"https://www.{sites.SITE}/about",
    ]
    assert {cookie["third"] for visit in seen["visits"] for cookie in visit["cookies"]} == {False, True}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ftp://shop.example/"], "must be an http: or https: address"),
        (["https://shop.example:99999/"], "must be an http: or https: address"),
        (
            ["https://me:secret@shop.example/"],
            "must name no user: that is for --user, and the address is in the report",
        ),
        (["shop.example", "--header=X: 1", "--browser=firefox"], "is for chromium alone"),
        (["shop.example", "--html=/no/such/folder/scan.html"], "is in a folder that is not there"),
        (["shop.example", "--regime=mars"], "unknown regime"),
        (["shop.example", "--skip=("], "is no regular expression"),
        (["shop.example", "--header=nonsense"], "must be NAME:VALUE"),
        (["shop.example", "--login=missing.py"], "is no Python file"),
        (["shop.example", "--resolve=a b=c"], "must be HOST=ADDRESS"),
        (["shop.example", "--against=missing.toml"], "cannot be read"),
    ],
)
def test_what_is_asked_wrongly_is_one_clear_error(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scan", *arguments]) == 2
    printed = capsys.readouterr().err
    assert said in printed
    assert "secret" not in printed


def test_without_a_browser_it_says_how_to_get_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", "shop.example", "--program", "/no/such/browser"]) == 2
    assert "apt install chromium" in capsys.readouterr().err
