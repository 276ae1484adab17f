"""What the middleware adds to a request: thread CPU time, beside the bare application, in one run.

    python bench/request.py [--rounds N]

Each case is called in turn with its bare twin, so that a change of the machine's speed meets both. Figures are
medians over rounds of many calls; the ratio is of the medians. Clients that had been served the page before are
the case to look at: that is what a site does all day. The first request of all is shown as ``cold``.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.util import setup_testing_defaults

from consent.wsgi import ConsentMiddleware

SETTINGS = {
    "services": ["google-analytics", "youtube", "google-maps"],
    "privacy_url": "/privacy",
    "log": "sqlite://",
}
SECRET = "a secret for the benchmark, long enough"

WORDS = (
    "the council met on tuesday and agreed after a long debate that the old tram depot will become a library "
    "with reading rooms a small cinema and a garden which neighbours had asked for since the line was closed "
).split()


def page(size: int) -> bytes:
    """A page as news sites have them: about 60 tags that a gate must look at, six of them to be held."""
    parts = [
        "<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n<title>The Harbour Post</title>\n"
        '<link rel=stylesheet href="/static/site.css">\n<link rel=icon href="/static/icon.svg">\n'
        '<script async src="https://www.googletagmanager.com/gtag/js?id=G-0"></script>\n'
        "<script>window.dataLayer=window.dataLayer||[];function gtag(){dataLayer.push(arguments)}"
        "gtag('js',new Date());gtag('config','G-0');</script>\n"
        '<script src="/static/site.js" defer></script>\n</head>\n<body class=front>\n<header><nav>'
    ]
    parts += [f'<a href="/section/{name}">{name}</a> ' for name in WORDS[:12]]
    parts.append("</nav></header>\n<main>\n")
    parts.append('<iframe src="https://www.youtube.com/embed/x" width=560 height=315 title=Video></iframe>\n')
    parts.append('<iframe src="https://www.google.com/maps/embed?pb=1" width=400 height=300 title=Map></iframe>\n')
    length, number = sum(map(len, parts)), 0
    while length < size - 400:
        number += 1
        text = " ".join(WORDS[(number * 7 + at) % len(WORDS)] for at in range(110))
        part = (
            f'<article id="a{number}"><h2><a href="/article/{number}">{text[:60]}</a></h2>\n'
            f'<img src="/media/{number}.jpg" srcset="/media/{number}@2x.jpg 2x" alt="" width=320 height=180 loading=lazy>\n'
            f"<p>{text}</p></article>\n"
        )
        parts.append(part)
        length += len(part)
    parts.append('<script>document.querySelector("nav").dataset.ready = "1"</script>\n')
    parts.append('<img src="https://www.google-analytics.com/collect?v=1" alt="" width=1 height=1>\n')
    parts.append("</main>\n</body>\n</html>\n")
    return "".join(parts).encode()


def application(content: bytes, media_type: str) -> Callable[..., Iterable[bytes]]:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", media_type), ("Content-Length", str(len(content)))])
        return [content]

    return app


def environ_of(**more: str) -> dict[str, Any]:
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    environ |= {
        "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "HTTP_ACCEPT_LANGUAGE": "en-GB,en;q=0.8",
        "HTTP_ACCEPT_ENCODING": "gzip, deflate, br, zstd",
        "HTTP_SEC_FETCH_DEST": "document",
        **more,
    }
    return environ


def call(app: Callable[..., Iterable[bytes]], environ: dict[str, Any]) -> bytes:
    body = app(dict(environ), lambda *_started: None)
    try:
        return b"".join(body)
    finally:
        close = getattr(body, "close", None)
        if close:
            close()


def cost(app: Callable[..., Iterable[bytes]], environ: dict[str, Any], calls: int) -> float:
    """Thread CPU microseconds per call."""
    started = time.thread_time_ns()
    for _ in range(calls):
        call(app, environ)
    return (time.thread_time_ns() - started) / calls / 1000


def accepted(door: ConsentMiddleware) -> str:
    """The cookie of a visitor who agreed to everything."""
    from consent.visitor.decision import Decision

    policy = door.site.consent.policy
    decision = Decision(
        frozenset(policy.optional), policy.version, "opt-in", int(time.time()), record="0" * 32, leaf="ab" * 32
    )
    return f"consent={door.site.consent.cookie.encode(decision)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    html = page(50_000)
    pairs = {
        "no HTML (2 KB JSON)": ("application/json", b'{"a": 1}' * 250, False, 2000),
        "50 KB HTML, undecided": ("text/html; charset=utf-8", html, False, 300),
        "50 KB HTML, decided": ("text/html; charset=utf-8", html, True, 300),
    }
    print(f"Python {sys.version.split()[0]}, {rounds} rounds, medians, thread CPU time per request")
    print(f"{'case':26}{'bare':>10}{'with consent':>15}{'added':>12}{'ratio':>9}{'cold':>12}")
    for name, (media_type, content, decided, calls) in pairs.items():
        bare = application(content, media_type)
        door = ConsentMiddleware(bare, SETTINGS, secret_key=SECRET)
        environ = environ_of(HTTP_COOKIE=accepted(door)) if decided else environ_of()
        cold = cost(door, environ, 1)
        call(bare, environ)
        gc.collect()
        figures = [(cost(bare, environ, calls), cost(door, environ, calls)) for _ in range(rounds)]
        a = statistics.median(first for first, _ in figures)
        b = statistics.median(second for _, second in figures)
        print(f"{name:26}{a:8.1f} µs{b:12.1f} µs{b - a:9.1f} µs{b / a:8.1f}×{cold:9.0f} µs")


if __name__ == "__main__":
    main()
