"""Where this machine keeps what the tests drive: a Chromium, PostgreSQL's own programs, Node.js, nginx.

    python tools/find.py browser
    python tools/find.py headless
    python tools/find.py database
    python tools/find.py node
    python tools/find.py strace
    python tools/find.py nginx

Prints the path; exits 1, saying how to get it, if there is none.
"""

from __future__ import annotations

import glob
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

__all__ = ["Missing", "browser", "database", "headless", "nginx", "node", "strace"]

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_MAC_BROWSERS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
_PLAYWRIGHT = (
    "~/.cache/ms-playwright/chromium-*/chrome-linux*/chrome",
    "~/Library/Caches/ms-playwright/chromium-*/chrome-mac*/*.app/Contents/MacOS/*",
)
_SHELLS = (
    "~/.cache/ms-playwright/chromium_headless_shell-*/*/*headless*shell",
    "~/Library/Caches/ms-playwright/chromium_headless_shell-*/*/*headless*shell",
)
_DATABASES = (
    "/usr/lib/postgresql/*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
)


class Missing(Exception):
    """Something that the tests need is not on this machine; the message says how to get it."""


def browser() -> str:
    """The path of a Chromium: ``CHROMIUM`` in the environment, the system's, or Playwright's."""
    named = os.environ.get("CHROMIUM")
    installed = filter(None, map(shutil.which, _BROWSERS))
    for path in (*([named] if named else ()), *installed, *_MAC_BROWSERS, *_downloaded(_PLAYWRIGHT)):
        # Ubuntu's chromium-browser is a script that asks for a snap.
        if os.access(path, os.X_OK) and not _asks_for_snap(path):
            return path
    raise Missing("there is no Chromium: run tools/system browser, or name one in CHROMIUM")


def headless() -> str:
    """The path of a Chromium that makes no window around each page, which costs a quarter; else as :func:`browser`."""
    if os.environ.get("CHROMIUM"):
        return browser()
    return shutil.which("chromium-headless-shell") or next(_downloaded(_SHELLS), None) or browser()


def database() -> str:
    """The folder that holds ``initdb`` and ``pg_ctl``, the newest version first."""
    named = os.environ.get("POSTGRES_BIN")
    on_path = shutil.which("initdb")
    folders = [folder for pattern in _DATABASES for folder in sorted(glob.glob(pattern), key=_version, reverse=True)]
    for folder in (*([named] if named else ()), *([str(Path(on_path).parent)] if on_path else ()), *folders):
        if all(os.access(Path(folder) / program, os.X_OK) for program in ("initdb", "pg_ctl", "postgres")):
            return folder
    raise Missing(
        "there is no PostgreSQL server (initdb, pg_ctl and postgres): run tools/system database, "
        "or name the folder of its programs in POSTGRES_BIN"
    )


def node() -> str:
    """The path of Node.js: the environment's, or the system's."""
    beside = Path(sys.executable).with_name("node")
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which("node")
    if found is None:
        raise Missing("there is no Node.js: run tools/system node")
    return found


def strace() -> str:
    """The path of ``strace``, by which the tests let system calls fail."""
    found = shutil.which("strace")
    if found is None:
        raise Missing("there is no strace: run tools/system strace")
    return found


def nginx() -> str:
    """The path of nginx, which systems keep where only root looks."""
    found = shutil.which("nginx", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/opt/homebrew/bin")))
    if found is None:
        raise Missing("there is no nginx: run tools/system nginx")
    return found


def _downloaded(patterns: Iterable[str]) -> Iterator[str]:
    """What Playwright has brought, the newest first."""
    for pattern in patterns:
        yield from sorted(glob.glob(str(Path(pattern).expanduser())), reverse=True)


def _asks_for_snap(path: str) -> bool:
    with open(path, "rb") as file:
        return file.read(2) == b"#!" and b"snap" in file.read(4096)


def _version(folder: str) -> list[int]:
    return [int(number) for number in "".join(c if c.isdigit() else " " for c in folder).split()]


if __name__ == "__main__":
    try:
        print({find.__name__: find for find in (browser, headless, database, node, strace, nginx)}[sys.argv[1]]())
    except Missing as error:
        sys.exit(f"consent: {error}")
