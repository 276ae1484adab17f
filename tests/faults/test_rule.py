"""One rule, whatever the log does: effective = requested if recorded, else before ∩ requested."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from doors import SECRET, Request, call_wsgi
from faulty import SECONDS
from flaky import FlakyDatabase, Mood
from hypothesis import given, settings
from hypothesis import strategies as st
from reader import PURPOSES, Browser, site_with

from consent.log.append import Appender
from consent.log.record import mac_key
from consent.log.spool import Spool
from consent.log.store import SqlStore
from consent.testing import ListStore
from consent.wsgi import ConsentMiddleware

MOODS: list[Mood] = ["works", "lost", "forgotten", "hangs", "stuck"]
steps = st.tuples(st.sampled_from(MOODS), st.booleans(), st.sets(st.sampled_from(PURPOSES)))


@cache
def middleware() -> ConsentMiddleware:
    return site_with(ListStore())


class Site:
    """A site whose database and spool fail as they are told to."""

    def __init__(self, folder: str, holds: Any) -> None:
        self.database = FlakyDatabase()
        self.spool = Spool(f"{folder}/spool", reserve=16_384)
        self.log = Appender(
            SqlStore(self.database, [mac_key(SECRET.encode())]), self.spool, holds=holds, budget=0.01, clock=self._clock
        )
        self.log._mending.wake = lambda: None  # type: ignore[method-assign]
        self.middleware = middleware()
        self.middleware.site.store = self.log
        self._now = 0.0

    def _clock(self) -> float:
        self._now += 100  # the database is asked each time
        return self._now

    def set(self, mood: Mood, *, spooling: bool) -> None:
        if mood == "works":
            self.database.wake()
        self.database.mood = mood
        self.database._awake.clear()
        aside = Path(f"{self.spool.path}-aside")
        if spooling and aside.exists():
            aside.rename(self.spool.path)
        elif not spooling and not aside.exists():
            self.spool.prepare()
            Path(self.spool.path).rename(aside)
        if not spooling:
            Path(self.spool.path).write_text("no spool")

    def settle(self) -> None:
        """Let what hangs come to its end."""
        self.database.wake()
        self.log._database.end()

    def recover(self) -> None:
        self.set("works", spooling=True)
        assert self.log._mend() is not None or not self.log._doubtful


def receipt_of(site: Site, browser: Browser) -> Any:
    answer = call_wsgi(site.middleware, Request("/_consent/receipt", headers={"Cookie": "; ".join(browser.cookies)}))
    return json.loads(answer.body)


@given(st.lists(steps, min_size=1, max_size=6), st.sampled_from(["all", "refusals"]))
@settings(max_examples=int(12 * SECONDS), deadline=None)
def test_without_a_durable_record_grants_never_grow_and_refusals_always_bite(
    taken: list[tuple[Mood, bool, set[str]]], holds: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        site = Site(folder, holds)
        browser = Browser(site.middleware)
        before: set[str] = set()
        promised: dict[str, str] = {}
        try:
            for mood, spooling, requested in taken:
                site.set(mood, spooling=spooling)
                answer = browser.save(requested)
                effective = browser.loads()
                recorded = mood == "works" or (spooling and (holds == "all" or not requested))
                assert effective == (requested if recorded else before & requested)
                if recorded or effective != requested or not requested:
                    assert answer.status == (303 if effective == requested else 503)
                if effective and (receipt := receipt_of(site, browser)).get("id"):
                    promised[receipt["id"]] = receipt["leaf"]
                before = effective
                site.settle()
            site.recover()
            stored = list(site.log.records())
            assert len({one.id for one in stored}) == len(stored)
            # What a visitor's cookie names is in the log as the cookie says, and nobody calls it void.
            assert promised.items() <= {one.id: one.leaf for one in stored}.items()
            void = {one.record.prev for one in stored if one.record and one.record.kind == "void"}
            assert not void & promised.keys()
            # What was granted to nobody is either not there or void.
            for one in stored:
                if one.record and one.record.granted and one.id not in promised:
                    assert one.id in void
        finally:
            site.database.wake()
            site.log.close()
