"""What accounts cost: CPU time added per request of a page that asks what is allowed. See docs/accounts.md."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

from consent.site import Site
from consent.wsgi import ConsentMiddleware

KEY = "f3qH-0tXz9vLm2Ws8Kd1"
SETTINGS = {"services": ["google-analytics", "youtube"]}
ROUNDS, REQUESTS = 9, 400


def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    environ["consent.page"].allows("analytics")
    start_response("200 OK", [("Content-Type", "application/json")])
    return [b"{}"]


def environ(cookie: str, user: str, body: bytes | None = None) -> dict[str, Any]:
    made: dict[str, Any] = {"HTTP_COOKIE": cookie, **({"HTTP_X_USER": user} if user else {})}
    if body is not None:
        made |= {"REQUEST_METHOD": "POST", "PATH_INFO": "/_consent/decision", "wsgi.input": BytesIO(body)}
        made |= {"CONTENT_TYPE": "application/x-www-form-urlencoded", "CONTENT_LENGTH": str(len(body))}
    setup_testing_defaults(made)
    return made


def decided(site: Site) -> str:
    """The cookie of somebody who has chosen twice while signed in."""
    cookies: list[str] = []

    def start(_status: str, headers: list[tuple[str, str]], _error: Any = None) -> Any:
        cookies.extend(value.partition(";")[0] for name, value in headers if name == "Set-Cookie")

    for body in (b"action=refuse", b"action=accept"):
        ConsentMiddleware(app, site)(environ("", "ada", body), start)
    return cookies[-1]


def cost(site: Site, cookie: str, user: str) -> float:
    """Microseconds of the best round."""
    gated, best = ConsentMiddleware(app, site), float("inf")
    for _ in range(ROUNDS):
        requests = [environ(cookie, user) for _ in range(REQUESTS)]
        start = time.process_time()
        for request in requests:
            gated(request, lambda *_: None)
        best = min(best, (time.process_time() - start) / REQUESTS)
    return best * 1e6


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        log = f"sqlite:///{Path(folder) / 'consent.db'}"
        plain = Site.open({**SETTINGS, "log": log}, keys=[KEY])
        tied = Site.open({**SETTINGS, "log": log, "account": "header:X-User"}, keys=[KEY])
        asking = Site.open({**SETTINGS, "log": log, "account": "header:X-User", "account_seconds": 0}, keys=[KEY])
        cookie = decided(tied)
        bare = cost(plain, cookie, "")
        print(f"without accounts            {bare:6.0f} µs")
        for name, site, user in (
            ("nobody signed in", tied, ""),
            ("signed in", tied, "ada"),
            ("log asked", asking, "ada"),
        ):
            print(f"{name:27} {cost(site, cookie, user) - bare:+6.0f} µs")
        for site in (plain, tied, asking):
            site.close()


if __name__ == "__main__":
    main()
