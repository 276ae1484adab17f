"""docs/tutorial.md, followed as it stands from an empty folder: each file is written, each command run, in the page's order.

Only what a machine cannot or need not do is done for it: the environment is this one, the port is a free one, and what the
reader clicks is sent.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

TEXT = (Path(__file__).parents[1] / "docs/tutorial.md").read_text("utf-8")
#: In the page's order: a section's heading, or a block's language, its file, and its content.
STEPS = re.findall(r"^## ([^\n]+)$|^```(\w+)(?: (\S+))?\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
SCRIPT = '<script async src="https://www.googletagmanager.com/gtag/js?id=G-BAKERY"></script>'
VIDEO = 'src="https://www.youtube.com/embed/aqz-KE-bpKQ"'


@dataclass
class Reader:
    """Who follows the page: a folder, a shell with variables of its own, a site that runs, and a browser."""

    folder: Path
    port: int
    variables: dict[str, str]
    site: subprocess.Popen[bytes] | None = None
    printed: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def follow(self, section: str) -> None:
        """All blocks of a section."""
        place = ""
        for heading, language, file, content in STEPS:
            place = heading or place
            if place != section or heading:
                continue
            if language == "console":
                for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", content, re.MULTILINE):
                    printed = self.run(command)
                    assert not shown or without_chance(printed) == without_chance(shown)
            elif file and file != "shown":
                path = self.folder / file
                path.parent.mkdir(exist_ok=True)
                path.write_text(content, "utf-8")

    def run(self, command: str) -> str:
        program, *rest = shlex.split(command)
        if program == "cd":
            self.folder /= rest[0]
        elif program == "export":
            name, value = command.removeprefix("export ").split("=", 1)
            self.variables[name] = self.shell(f"echo {value}").strip()
        elif program == "flask":
            self.serve(command)
        elif program not in {"pip", "."} and "venv" not in rest:
            self.printed[command] = self.shell(command.replace("127.0.0.1:5000", f"127.0.0.1:{self.port}"))
        return self.printed.get(command, "")

    def shell(self, command: str) -> str:
        done = subprocess.run(
            ["sh", "-c", command], cwd=self.folder, env=self.variables, capture_output=True, text=True, check=False
        )
        good = {0, 3} if "\nwarning " in done.stdout else {0}
        assert done.returncode in good, f"{command}\n{done.stdout}{done.stderr}"
        assert done.stderr == ""
        return done.stdout

    def serve(self, command: str) -> None:
        self.stop()
        started = [*shlex.split(command), "--port", str(self.port)]
        self.site = subprocess.Popen(
            started, cwd=self.folder, env=self.variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(600):
            assert self.site.poll() is None, "the site did not start"
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        pytest.fail("the site does not answer")

    def stop(self) -> None:
        if self.site is not None:
            self.site.send_signal(signal.SIGINT)  # Ctrl+C
            self.site.wait(60)
            self.site = None


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    reader = Reader(tmp_path, port, {"PATH": path, "HOME": str(tmp_path), "COLUMNS": "100", "LC_ALL": "C.UTF-8"})
    yield reader
    reader.stop()


def without_chance(text: str) -> str:
    """What a command prints without what is another's each time: times, ids and roots."""
    return re.sub(r"[0-9a-f]{32}$|^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d|(?<=root )\S+", "…", text, flags=re.MULTILINE)


def test_the_page_leads_from_an_empty_folder_to_a_site_that_asks(reader: Reader) -> None:
    with httpx.Client(base_url=reader.address, follow_redirects=True) as browser:
        reader.follow("A site without consent")
        before = browser.get("/").text
        assert SCRIPT in before
        assert VIDEO in before

        reader.follow("Two lines")
        undecided = browser.get("/")
        [shown] = [content.strip() for _, _, file, content in STEPS if file == "shown"]
        assert shown in undecided.text
        for live in (SCRIPT, f"{VIDEO} title"):
            assert live not in re.sub(r'data-consent-src="[^"]*"', "", undecided.text)
        assert 'value="accept"' in undecided.text
        assert not browser.cookies

        refused = browser.post("/_consent/decision", data={"action": "refuse", "next": "/"})
        assert SCRIPT not in refused.text
        assert 'value="accept"' not in refused.text, "the banner is gone"
        assert shown in refused.text
        accepted = browser.post("/_consent/decision", data={"action": "accept", "next": "/"})
        assert SCRIPT in accepted.text
        assert VIDEO in accepted.text
        assert "data-consent-src" not in accepted.text

        reader.follow("What was decided")
        assert any("refuse all" in text and "accept all" in text for text in reader.printed.values())

        reader.follow("The privacy page")
        reader.run("flask --app bakery run")
        privacy = browser.get("/privacy").text
        for told in ("Google Analytics", "YouTube", "_ga", "<table", "Change what you allow"):
            assert told in privacy, told

    reader.follow("Before it goes live")
    asked = next(text for command, text in reader.printed.items() if command.startswith("consent check"))
    assert asked.rstrip().splitlines()[-1].startswith("All is right")
    assert "it is relative" in asked
    assert "2 records sealed, 0 waiting" in asked
    assert (reader.folder / "signer").stat().st_mode & 0o077 == 0, "the signer's file is nobody else's"


def test_two_lines_and_an_import_are_all_that_the_site_gains() -> None:
    first, second = (content for _, _, file, content in STEPS if file == "bakery.py")
    gained = [line for line in second.splitlines() if line and line not in first.splitlines()]
    assert gained == ["from consent.flask import Consent", 'app.config["CONSENT"] = "consent.toml"', "Consent(app)"]
    assert [line for line in first.splitlines() if line not in second.splitlines()] == []
