"""A small site and a visitor of it, who loads what the site sends and posts what the visitor chooses."""

from __future__ import annotations

from doors import SECRET, SETTINGS, Answer, Request, Served, call_wsgi

from consent.log.store import Store
from consent.wsgi import ConsentMiddleware

PURPOSES = ("analytics", "marketing", "research")
SCRIPTS = {
    "analytics": b'<script src="https://www.google-analytics.com/analytics.js"></script>',
    "marketing": b'<iframe src="https://www.youtube.com/embed/x"></iframe>',
    "research": b'<script src="https://study.example.org/study.js"></script>',
}
PAGE = Served(b"<!doctype html><html><body><h1>News</h1>" + b"".join(SCRIPTS.values()) + b"</body></html>")
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}


class Browser:
    """A visitor with the cookie that the site has set last."""

    def __init__(self, site: ConsentMiddleware) -> None:
        self._site = site
        self.cookies: list[str] = ["_ga=GA1.1", "_rs_1=x", "session=1"]

    def post(self, body: str, **headers: str) -> Answer:
        headers = {**FORM, "Cookie": "; ".join(self.cookies), **headers}
        answer = call_wsgi(self._site, Request("/_consent/decision", "POST", headers, body.encode()))
        if (cookie := answer.cookie()) is not None:
            self.cookies = [other for other in self.cookies if not other.startswith("consent=")] + [cookie]
        return answer

    def save(self, purposes: set[str]) -> Answer:
        return self.post("&".join(["action=save", *(f"purpose={name}" for name in sorted(purposes))]))

    def loads(self) -> set[str]:
        """The purposes whose services the page loads: what counts."""
        page = call_wsgi(self._site, Request("/", headers={"Cookie": "; ".join(self.cookies)}))
        return {name for name, script in SCRIPTS.items() if script in page.body}


def _application(environ: object, start_response: object) -> list[bytes]:
    start_response("200 OK", [*PAGE.headers, ("Content-Length", str(len(PAGE.chunks[0])))])  # type: ignore[operator]
    return PAGE.chunks


def site_with(store: Store) -> ConsentMiddleware:
    """The site with a log of the test's."""
    site = ConsentMiddleware(_application, SETTINGS, secret_key=SECRET)
    site.site.close()
    site.site.store = store
    return site
