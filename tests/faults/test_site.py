"""A site whose log is down: grants never grow, refusals always bite, and somebody is told."""

from __future__ import annotations

import json
import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain, combinations
from pathlib import Path

import pytest
from doors import SECRET, SETTINGS, Request, call_wsgi
from reader import FORM, PURPOSES, Browser, site_with

from consent.exchange import Append, Facts, NeedBody
from consent.log.record import mac_key
from consent.log.store import open_store
from consent.policy.settings import AddressSource
from consent.site import Site
from consent.testing import ListStore
from consent.wsgi import ConsentMiddleware


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ConsentMiddleware]:
    site = site_with(open_store(f"sqlite:///{tmp_path}/consent.db", keys=[mac_key(SECRET.encode())], patience=0.05))
    yield site
    site.site.close()


@contextmanager
def down(tmp_path: Path) -> Iterator[None]:
    """The log is down: another program holds its lock and does not give it back."""
    other = sqlite3.connect(tmp_path / "consent.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def kept(site: ConsentMiddleware) -> list[str]:
    return [stored.record.kind if stored.record else "?" for stored in site.site.store.records()]


@pytest.fixture
def browser(site: ConsentMiddleware) -> Browser:
    # The log is made by the first decision, somebody else's.
    Browser(site).post("action=refuse")
    return Browser(site)


def test_an_agreement_that_cannot_be_kept_grants_nothing(
    site: ConsentMiddleware, browser: Browser, tmp_path: Path
) -> None:
    with down(tmp_path):
        answer = browser.post("action=accept")
        assert answer.status == 503
        assert answer.cookie() is None
        assert answer.header("cache-control") == "no-store"
        assert browser.loads() == set()
        scripted = browser.post('{"action":"accept"}', **{"Content-Type": "application/json"})
        assert (scripted.status, scripted.cookie()) == (503, None)
        assert b'"error":"not-saved"' in scripted.body
    assert kept(site) == ["refuse_all"]
    assert browser.post("action=accept").status == 303
    assert kept(site) == ["refuse_all", "accept_all"]
    assert browser.loads() == {*PURPOSES}


def test_a_refusal_that_cannot_be_kept_is_honoured_and_somebody_is_told(
    site: ConsentMiddleware, browser: Browser, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with down(tmp_path):
        answer = browser.post("action=refuse")
    assert answer.status == 303
    assert answer.cookie() is not None
    expired = {value.partition("=")[0] for value in answer.all("set-cookie") if "Max-Age=0" in value}
    assert {"_ga", "_rs_1"} <= expired
    assert "session" not in expired
    assert browser.loads() == set()
    [told] = [record for record in caplog.records if record.name == "consent"]
    assert told.levelno == logging.ERROR
    assert "did not keep a decision (refuse_all" in told.getMessage()
    assert told.exc_info


def test_a_withdrawal_that_cannot_be_kept_is_honoured(
    site: ConsentMiddleware, browser: Browser, tmp_path: Path
) -> None:
    browser.post("action=accept")
    assert browser.loads() == {*PURPOSES}
    with down(tmp_path):
        answer = browser.post("action=withdraw")
        assert answer.status == 303
        assert browser.loads() == set()
    assert browser.loads() == set()
    # Its cookie names no record: there is none.
    receipt = call_wsgi(site, Request("/_consent/receipt", headers={"Cookie": "; ".join(browser.cookies)}))
    assert receipt.status == 404


def test_of_a_change_that_cannot_be_kept_only_what_is_less_counts(
    site: ConsentMiddleware, browser: Browser, tmp_path: Path
) -> None:
    browser.save({"analytics", "marketing"})
    with down(tmp_path):
        answer = browser.save({"analytics", "research"})
        assert answer.status == 503
        assert browser.loads() == {"analytics"}
    assert kept(site) == ["refuse_all", "custom"]
    # What is left of the agreement is proved by the record that it was made with.
    receipt = call_wsgi(site, Request("/_consent/receipt", headers={"Cookie": "; ".join(browser.cookies)}))
    assert json.loads(receipt.body)["granted"] == ["analytics"]
    assert json.loads(receipt.body)["id"] == [stored.id for stored in site.site.store.records()][-1]


SUBSETS = [{*chosen} for chosen in chain.from_iterable(combinations(PURPOSES, size) for size in range(4))]


@pytest.mark.parametrize("available", [True, False], ids=["log up", "log down"])
@pytest.mark.parametrize("before", SUBSETS, ids=lambda chosen: "+".join(sorted(chosen)) or "nothing")
def test_effective_is_what_was_asked_for_if_recorded_else_what_was_there_before_of_it(
    before: set[str], available: bool
) -> None:
    log = ListStore()
    site = site_with(log)
    for requested in SUBSETS:
        browser = Browser(site)
        log.available = True
        browser.save(before)
        assert browser.loads() == before
        log.available = available
        answer = browser.save(requested)
        effective = requested if available else before & requested
        assert browser.loads() == effective
        assert answer.status == (303 if effective == requested else 503)


def test_a_clock_that_steps_back_stops_nobody_and_the_log_keeps_what_it_said(
    site: ConsentMiddleware, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert browser.post("action=accept").status == 303
    real = time.time
    for step in (3600, 80_000):
        monkeypatch.setattr(time, "time", lambda step=step: real() - step)
        assert browser.loads() == {*PURPOSES}
        assert browser.post("action=withdraw").status == 303
        assert browser.loads() == set()
        assert browser.post("action=accept").status == 303
    monkeypatch.setattr(time, "time", real)
    assert browser.loads() == {*PURPOSES}
    stored = list(site.site.store.records())
    assert [one.problem for one in stored] == [None] * 6
    # In the order of what the clock said, not of what happened.
    assert kept(site) == ["withdraw", "accept_all", "withdraw", "accept_all", "refuse_all", "accept_all"]


def test_of_a_flood_refusals_are_honoured_and_agreements_are_not_granted() -> None:
    log = ListStore()
    site = site_with(log)
    site.site.consent.settings = replace(site.site.settings, address=AddressSource("X-Forwarded-For"))
    flooder, neighbour, other = (
        {"X-Forwarded-For": f"1.2.3.4, {address}"} for address in ("8.8.4.1", "8.8.4.200", "8.8.5.1")
    )
    log.limited = {"8.8.4.0/24"}
    for headers in (flooder, neighbour):
        browser = Browser(site)
        answer = browser.post("action=accept", **headers)
        assert (answer.status, answer.header("retry-after"), answer.cookie()) == (429, "30", None)
        scripted = browser.post('{"action":"accept"}', **{"Content-Type": "application/json", **headers})
        assert (scripted.status, scripted.cookie()) == (429, None)
        assert b'"error":"not-saved"' in scripted.body
        assert browser.loads() == set()
        assert browser.post("action=refuse", **headers).status == 303
        assert browser.loads() == set()
    assert log.kept == []
    browser = Browser(site)
    assert browser.post("action=accept", **other).status == 303
    assert browser.loads() == {*PURPOSES}
    log.limited.add("8.8.5.0/24")
    assert browser.post("action=withdraw", **other).status == 303
    assert browser.loads() == set()


def test_a_visitor_who_says_the_same_again_is_not_recorded_again(site: ConsentMiddleware, browser: Browser) -> None:
    for action in ("accept", "accept", "accept", "refuse", "refuse", "withdraw"):
        assert browser.post(f"action={action}").status == 303
    assert kept(site) == ["refuse_all", "accept_all", "withdraw"]


@pytest.mark.parametrize(
    ("setting", "forwarded", "network"),
    [
        ("connection", "8.8.4.1", ""),  # the connection's is 127.0.0.1: a proxy's, behind which all are alike
        ("header:X-Forwarded-For", "8.8.4.1", "8.8.4.0/24"),
        ("header:X-Forwarded-For", "1.2.3.4, 8.8.4.1", "8.8.4.0/24"),
        ("header:X-Forwarded-For:2", "1.2.3.4, 8.8.4.1, 9.9.9.9", "8.8.4.0/24"),
        ("header:X-Forwarded-For:2", "8.8.4.1", ""),
        ("header:X-Forwarded-For", "nonsense", ""),
        ("header:CF-Connecting-IP", "8.8.4.1", ""),
    ],
)
def test_whose_address_counts_is_what_the_site_says(setting: str, forwarded: str, network: str) -> None:
    site = Site.open({**SETTINGS, "address": setting}, keys=[SECRET])
    facts = Facts(
        method="POST",
        path="/_consent/decision",
        header={"x-forwarded-for": forwarded, "content-type": FORM["Content-Type"]}.get,
        scheme="https",
        host="www.example.org",
        now=1.8e9,
        entropy=bytes,
        address="127.0.0.1",
    )
    step = site.consent.handle(facts)
    assert isinstance(step, NeedBody)
    asked = step.resume(b"action=accept")
    assert isinstance(asked, Append)
    assert asked.network == network
    site.close()
