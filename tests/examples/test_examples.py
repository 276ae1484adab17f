"""Each example starts as it says, the README's code runs, and one Django file serves two protocols."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "browser"))

from servers import ROOT, free_port, python, running

#: Of one file each, and folders that start as one.
EXAMPLES = sorted([*(ROOT / "examples").glob("[!t]*_site.py"), ROOT / "examples/flask_factory"])


def _get(url: str, cookie: str = "") -> tuple[int, str]:
    request = urllib.request.Request(url, headers={"Cookie": cookie} if cookie else {})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_there_is_one_for_each_door() -> None:
    assert [path.stem for path in EXAMPLES] == [
        "django_site",
        "fastapi_site",
        "flask_factory",
        "flask_site",
        "starlette_site",
        "wsgi_site",
    ]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_it_starts_as_it_says(example: Path, tmp_path: Path) -> None:
    port = free_port()
    with running(python(str(example)), tmp_path, url=f"http://127.0.0.1:{port}", environ={"PORT": str(port)}) as url:
        for path, heading in {
            "/": "Bread, from seven",
            "/loaf/rye": "Rye",
            "/film": "The oven of 1962",
            "/privacy": "Privacy",
        }.items():
            status, page = _get(url + path)
            assert status == 200
            assert f"<h1>{heading}</h1>" in page
            assert 'data-consent-src="https://www.googletagmanager.com/gtag/js?id=G-RYE1962"' in page
            assert page.count('id="yc"') == 1
            assert page.count("data-consent-open") == 2, "in the banner and at the foot"
            assert "Thank you for being counted" not in page
        assert _get(url + "/loaf/rubber")[0] == 404

        decided = urllib.request.Request(
            f"{url}/_consent/decision", data=b"action=accept", headers={"Origin": url}, method="POST"
        )
        opener = urllib.request.build_opener(_Stay)
        with pytest.raises(urllib.error.HTTPError) as raised:
            opener.open(decided, timeout=30)
        with raised.value as answer:
            assert answer.code == 303
            cookie = answer.headers["Set-Cookie"].partition(";")[0]
        _, page = _get(url + "/film", cookie)
        assert '<script async src="https://www.googletagmanager.com/gtag/js?id=G-RYE1962">' in page
        assert "Thank you for being counted" in page
        assert 'id="yc"' not in page
    assert (tmp_path / "consent.db").exists()


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_arguments: Any) -> None:
        return None


def test_the_django_example_is_the_same_through_asgi(tmp_path: Path) -> None:
    code = """
import asyncio, django_site
sent, incoming = [], [{"type": "http.request", "body": b"", "more_body": False}]
async def receive():
    return incoming.pop() if incoming else await asyncio.Event().wait()
async def send(message):
    sent.append(message)
scope = {
    "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http", "path": "/film",
    "raw_path": b"/film", "query_string": b"", "root_path": "", "headers": [(b"host", b"127.0.0.1")],
    "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
}
asyncio.run(django_site.asgi(scope, receive, send))
assert sent[0]["status"] == 200, sent
page = b"".join(message.get("body", b"") for message in sent[1:]).decode()
assert 'data-consent-src="https://www.youtube-nocookie.com/embed/ryecorner62"' in page, page
assert page.count('id="yc"') == 1
"""
    path = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), str(ROOT / "examples")]))
    subprocess.run(python("-c", code), cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}, check=True, timeout=60)


def _blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL | re.MULTILINE)


def test_the_readme_has_code() -> None:
    assert _blocks()


@pytest.mark.parametrize("code", _blocks(), ids=lambda code: code.strip().splitlines()[0][:40])
def test_the_readmes_code_runs(code: str, tmp_path: Path) -> None:
    environ = {**os.environ, "SECRET_KEY": "a key for the code in the README"}
    subprocess.run(python("-W", "error", "-c", code), cwd=tmp_path, env=environ, check=True, timeout=60)
