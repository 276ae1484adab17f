"""The ways into a site that is not open to everybody, or says itself which pages it has."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from consent.cli import main
from find import browser

from . import planted as sites

BASIC = f"Basic {b64encode(b'owner:a password').decode()}"
LOGIN = f"""
async def login(context):
    page = await context.new_page()
    await page.goto("https://{sites.SITE}/login")
    await page.fill("[name=word]", "open")
    await page.click("button")
    await page.close()
"""
MAP = f"<urlset><url><loc>https://{sites.SITE}/lamps</loc></url><url><loc>https://{sites.SITE}/private</loc></url></urlset>"


class Closed:
    """A site behind a password, and a login within; and who else was told that password."""

    def __init__(self) -> None:
        self.robots = f"User-agent: *\nDisallow: /private\nSitemap: https://{sites.SITE}/map.xml.gz"

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if environ.get("HTTP_AUTHORIZATION") != BASIC:
            start_response("401 Unauthorized", [("WWW-Authenticate", 'Basic realm="staging"')])
            return []
        if path in {"/robots.txt", "/map.xml.gz"}:
            start_response(
                "200 OK", [("Content-Type", "application/octet-stream" if path.endswith("gz") else "text/plain")]
            )
            return [gzip.compress(MAP.encode()) if path.endswith("gz") else self.robots.encode()]
        headers = [("Content-Type", "text/html; charset=utf-8")]
        if path == "/login":
            if "word=open" in environ["QUERY_STRING"]:
                headers.append(("Set-Cookie", "sessionid=1; Path=/; HttpOnly"))
            start_response("200 OK", headers)
            return [sites.page('<form><input name="word"><button>Sign in</button></form>')]
        start_response("200 OK" if "sessionid=1" in environ.get("HTTP_COOKIE", "") else "403 Forbidden", headers)
        return [sites.page('<h1>Lamps</h1><img src="https://ads.stranger.example/a.gif" alt="">')]


def scanned(tmp_path: Path, *more: str) -> tuple[int, dict[str, int]]:
    """The exit code, and what each page answered."""
    file = tmp_path / "scan.json"
    with sites.serving(Closed()) as port:
        hosts = [f"--resolve={name}=127.0.0.1:{port}" for name in sites.HOSTS]
        options = ["--phase=before", "--insecure", "--program", browser(), "--json", str(file), *hosts, *more]
        code = main(["scan", f"https://{sites.SITE}/", *options])
    seen = json.loads(file.read_text("utf-8")) if file.exists() else {"visits": []}
    assert "a password" not in file.read_text("utf-8") if file.exists() else True
    return code, {visit["url"].removeprefix(f"https://{sites.SITE}"): visit["status"] for visit in seen["visits"]}


@pytest.mark.browser
def test_a_site_behind_a_password_and_a_login_is_scanned_as_its_owner_sees_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "login.py").write_text(LOGIN)
    monkeypatch.setenv("CONSENT_SCAN_PASSWORD", "a password")
    code, pages = scanned(tmp_path, "--user=owner", "--login", str(tmp_path / "login.py"))
    assert pages == {"/": 200, "/lamps": 200}, "the sitemap's pages, but for the one that robots are to leave alone"
    assert code == 0, "a stranger is a warning"


@pytest.mark.browser
def test_whoever_has_no_password_is_told_how_to_give_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, pages = scanned(tmp_path, "--limit=1")
    assert (code, pages) == (2, {})
    *_, last = capsys.readouterr().err.splitlines()
    assert "could not be scanned" in last
    assert last.endswith("it asks for a password: --user")
