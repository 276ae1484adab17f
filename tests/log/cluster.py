"""A PostgreSQL server of our own, made for a test run and thrown away with it."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

import find


def find_programs() -> Path:
    try:
        return Path(find.database())
    except find.Missing as missing:
        pytest.fail(str(missing), pytrace=False)


def other_user() -> dict[str, Any]:
    """How to start a process as somebody who is not root: PostgreSQL refuses to be, and permissions do not stop it."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
    pytest.fail("there is no user postgres or nobody to run a PostgreSQL server as", pytrace=False)


class Cluster:
    """One server, with as many databases as tests ask for. It listens on a socket in its own folder only."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._programs = find_programs()
        self._numbers = count(1)
        self._server: subprocess.Popen[bytes] | None = None
        self._who = other_user()
        if self._who:
            os.chown(folder, self._who["user"], self._who["group"])
        self._run("initdb", "--no-sync", "--auth=trust", "--username=owner", "--encoding=UTF8", "--locale=C", "data")

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=self._environment, capture_output=True, check=False, **self._who
        )
        assert done.returncode == 0, done.stderr.decode()

    @property
    def _environment(self) -> dict[str, str]:
        return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"}

    def start(self, *, fsync: bool = False) -> None:
        # Without fsync, where what is tested is not the disk.
        options = (
            f"fsync={'on' if fsync else 'off'}",
            "listen_addresses=",
            f"unix_socket_directories={self.folder}",
            "max_connections=60",
        )
        command = [
            str(self._programs / "postgres"),
            "-D",
            "data",
            *(part for option in options for part in ("-c", option)),
        ]
        with (self.folder / "server.log").open("ab") as output:
            self._server = subprocess.Popen(
                command, cwd=self.folder, env=self._environment, stdout=output, stderr=output, **self._who
            )
        until = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
            except psycopg.OperationalError:
                if self._server.poll() is not None or time.monotonic() > until:
                    pytest.fail((self.folder / "server.log").read_text()[-2000:])
                time.sleep(0.02)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop at once; sessions are ended."""
        if self._server is not None:
            self._server.send_signal(how)
            self._server.wait(60)
            self._server = None

    def kill(self) -> None:
        """Kill every process of the server, as the kernel does when memory runs out."""
        assert self._server is not None
        children = Path(f"/proc/{self._server.pid}/task/{self._server.pid}/children").read_text().split()
        for pid in (self._server.pid, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._server.wait(60)
        self._server = None

    @contextmanager
    def hung(self) -> Iterator[None]:
        """Every process of the server is stopped meanwhile: connections are made, and nothing answers."""
        assert self._server is not None
        children = Path(f"/proc/{self._server.pid}/task/{self._server.pid}/children").read_text().split()
        pids = [self._server.pid, *map(int, children)]
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def url(self, database: str, user: str = "owner", **more: str) -> str:
        extra = "".join(f"&{name}={quote(value, safe='')}" for name, value in more.items())
        return f"postgresql://{user}@/{database}?host={quote(str(self.folder), safe='')}{extra}"

    def new_database(self) -> str:
        """Make a database; its name."""
        name = f"site{next(self._numbers)}"
        self.execute("postgres", f"CREATE DATABASE {name}")
        return name

    def new_schema(self) -> str:
        """Make a schema, which costs less than a database; the URL of a log in it."""
        name = f"log{next(self._numbers)}"
        self.execute("postgres", f"CREATE SCHEMA {name}")
        return self.url("postgres", options=f"-c search_path={name}")

    def execute(self, database: str, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement as the owner of everything."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    # Not below pytest's own folder, which others cannot enter; and a socket's path must be short.
    with tempfile.TemporaryDirectory(prefix="consent-pg-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        cluster = Cluster(folder)
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop(signal.SIGQUIT)  # without tidying up
