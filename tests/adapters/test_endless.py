"""A page without an end: it passes the WSGI door piece by piece, in no more memory than a short one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from doors import SECRET, SETTINGS
from test_wsgi import HTML, TRACKER, Server

#: Bytes. They take a few seconds; after the first sixteenth of them, all memories have what they keep.
GIGABYTE = 1 << 30

#: Each piece differs from the others, so that none is remembered from before.
_STREAM = f"""
import resource, sys
from wsgiref.util import setup_testing_defaults
from consent.wsgi import ConsentMiddleware

PIECE = b"<p>" + b"word " * 13_000 + b"</p><a href=/next>Next</a><img src=/own.png>" + {TRACKER!r}
count = {GIGABYTE} // len(PIECE)

def app(environ, start_response):
    start_response("200 OK", {HTML!r})
    yield b"<!doctype html><html><body>"
    for number in range(count):
        yield b"<p>%d</p>" % number + PIECE

environ = {{}}
setup_testing_defaults(environ)
site = ConsentMiddleware(app, {SETTINGS!r}, secret_key={SECRET!r})
sent = early = 0
for out in site(environ, lambda *_: len):
    sent += len(out)
    if not early and sent > {GIGABYTE} // 16:
        early = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(sent, early, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="asks the system for the most memory that was used")
def test_a_gigabyte_of_html_passes_in_the_memory_of_its_beginning() -> None:
    ran = subprocess.run([sys.executable, "-c", _STREAM], capture_output=True, text=True, check=False, timeout=300)
    assert ran.returncode == 0, ran.stderr
    sent, early, most = map(int, ran.stdout.split())
    assert sent > GIGABYTE
    unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss is in bytes there, and in KiB elsewhere
    assert (most - early) * unit < 16 * 1024 * 1024


def test_the_first_bytes_are_out_before_the_second_chunk_comes_in() -> None:
    events: list[str] = []

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        def chunks() -> Iterator[bytes]:
            for number, chunk in enumerate((b"<!doctype html><html><body><p>News</p>", TRACKER, b"<p>End</p>")):
                events.append(f"in {number}")
                yield chunk

        start_response("200 OK", list(HTML))
        return chunks()

    for number, out in enumerate(Server(app).ask()):
        events.append(f"out {number}")
        if number == 0:
            assert out.startswith(b"<!doctype html><html>")
            assert out.endswith(b"<p>News</p>")
    assert events[:4] == ["in 0", "out 0", "in 1", "out 1"]
