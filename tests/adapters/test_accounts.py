"""Visitors who sign in: one choice on all their devices, and nobody else's.

A device is a browser with its cookies. Whoever is signed in comes with a header ``X-User``, as from a proxy.
"""

from __future__ import annotations

import json
import logging
import re
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from doors import DOORS, SECRET, SETTINGS, Answer, Door, Request, Served, Site, call_wsgi
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.carried import Carried
from consent.errors import LogUnavailable
from consent.log.record import Record, void
from consent.log.store import open_store
from consent.site import Site as ConsentSite
from consent.testing import ListStore
from consent.visitor.decision import MOST_CHOICES
from consent.wsgi import ConsentMiddleware

SITE: Site = {
    "/": Served(b"<!doctype html><body><script src='https://www.google-analytics.com/analytics.js'></script>")
}
SIGNED_IN = {**SETTINGS, "account": "header:X-User"}
OLD_SECRET = "the secret before that, also long enough"


@dataclass
class Device:
    """A browser: it keeps the cookies that it is given."""

    ask: Callable[[Request], Answer]
    headers: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str = "/", user: str = "") -> Answer:
        return self._send(Request(path), user)

    def choose(self, body: str, user: str = "") -> Answer:
        form = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
        return self._send(Request("/_consent/decision", "POST", form, body.encode()), user)

    def granted(self, user: str = "") -> set[str]:
        """What the visitor's page is told to be allowed."""
        return set(self.state(user)["granted"])

    def state(self, user: str = "") -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.get("/_consent/state", user).text)
        return found

    def _send(self, request: Request, user: str) -> Answer:
        headers = {**request.headers, **self.headers}
        if user:
            headers["X-User"] = user
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self.ask(replace(request, headers=headers))
        for text in answer.all("set-cookie"):
            name, _, value = text.partition(";")[0].partition("=")
            if "Max-Age=0" in text or "1970" in text:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return answer


ALL = {"analytics", "marketing", "research"}


@pytest.fixture(params=sorted(DOORS))
def door(request: pytest.FixtureRequest) -> Door:
    return DOORS[request.param](SITE, SIGNED_IN)


def devices(door: Door, number: int = 2) -> list[Device]:
    return [Device(door.ask) for _ in range(number)]


# Through every door


def test_a_choice_made_while_signed_in_holds_on_the_next_device(door: Door) -> None:
    laptop, phone = devices(door)
    laptop.choose("action=save&purpose=analytics", "ada")
    assert 'value="accept"' in phone.get().text
    page = phone.get(user="ada")
    assert 'value="accept"' not in page.text
    assert "<script src='https://www.google-analytics.com" in page.text
    assert phone.granted("ada") == {"analytics"}
    assert phone.cookies == {}, "signing in sets no cookie"


def test_a_withdrawal_on_one_device_bites_on_the_others_and_outlives_signing_out(door: Door) -> None:
    laptop, phone = devices(door)
    laptop.choose("action=accept", "ada")
    phone.choose("action=accept", "ada")
    assert phone.granted("ada") == ALL
    phone.cookies["_ga"] = "GA1.1.1.1"
    laptop.choose("action=withdraw", "ada")
    page = phone.get(user="ada")
    assert "data-consent-src='https://www.google-analytics.com" in page.text
    assert page.all("clear-site-data") == ['"prefetchCache", "prerenderCache"']
    assert phone.get(user="ada").all("clear-site-data") == []
    assert phone.granted("ada") == set()
    assert "_ga" not in phone.cookies, "what the service left is ended too"
    assert phone.granted() == set(), "signing out does not bring it back"
    assert phone.state()["status"] == "refused"


def test_the_latest_choice_wins_whichever_it_is(door: Door) -> None:
    laptop, phone = devices(door)
    for who, body, expected in (
        (laptop, "action=refuse", set()),
        (phone, "action=accept", ALL),
        (laptop, "action=save&purpose=research", {"research"}),
        (phone, "action=refuse", set()),
        (laptop, "action=refuse", set()),
        (laptop, "action=accept", ALL),
    ):
        who.choose(body, "ada")
        assert (laptop.granted("ada"), phone.granted("ada")) == (expected, expected), body


def test_a_log_keeps_a_pseudonym_and_nobody_s_id(door: Door) -> None:
    [laptop] = devices(door, 1)
    laptop.choose("action=accept", "lovelace@example.org")
    laptop.choose("action=refuse", "lovelace@example.org")
    laptop.choose("action=accept")
    subjects = [record.subject for record in door.log.kept]
    assert subjects == [door.site.subject("lovelace@example.org")] * 2 + [None]
    assert "lovelace" not in repr(door.log.kept)
    assert "lovelace" not in "".join(laptop.cookies.values())


def test_signing_out_leaves_what_the_browser_s_cookie_says(door: Door) -> None:
    laptop, phone = devices(door)
    laptop.choose("action=accept", "ada")
    assert laptop.granted() == ALL
    assert phone.granted("ada") == ALL
    assert phone.granted() == set(), "what was chosen elsewhere holds while signed in"
    assert phone.state()["asked"]


def test_on_a_shared_device_nobody_gets_another_s_choice(door: Door) -> None:
    [library] = devices(door, 1)
    library.choose("action=accept", "ada")
    assert library.granted("bob") == set()
    assert library.state("bob")["status"] == "undecided"
    assert library.get("/_consent/receipt", "bob").status == 404
    library.choose("action=refuse", "bob")
    assert library.granted("ada") == ALL, "Ada is still Ada"
    assert Device(door.ask).granted("bob") == set()
    assert Device(door.ask).state("bob")["status"] == "refused"


def test_who_was_not_signed_in_can_take_away_and_gives_nothing(door: Door) -> None:
    laptop, phone = devices(door)
    phone.choose("action=refuse")
    laptop.choose("action=accept", "ada")
    assert phone.granted("ada") == set()
    phone.choose("action=accept", "ada")
    assert phone.granted("ada") == ALL, "but whoever signs in can choose anew"
    stranger = Device(door.ask)
    stranger.choose("action=accept")
    laptop.choose("action=save&purpose=analytics", "ada")
    assert stranger.granted("ada") == {"analytics"}
    assert stranger.granted() == ALL


def test_a_choice_that_was_made_before_signing_in_is_recorded_when_it_is_made_again(door: Door) -> None:
    laptop, phone = devices(door)
    laptop.choose("action=accept")
    assert phone.granted("ada") == set()
    laptop.choose("action=accept", "ada")
    assert phone.granted("ada") == ALL
    laptop.choose("action=accept", "ada")
    assert len(door.log.kept) == 2, "and once is enough"


def test_signing_in_grants_nothing_that_the_browser_s_signal_refuses(door: Door) -> None:
    laptop, private = devices(door)
    private.headers["Sec-GPC"] = "1"
    laptop.choose("action=accept", "ada")
    assert private.granted("ada") == set()
    assert private.state("ada")["gpc"] is True
    private.choose("action=save&purpose=research", "ada")
    assert private.granted("ada") == {"research"}, "what is agreed to in the signal's face, on this browser"
    laptop.choose("action=accept", "ada")
    assert private.granted("ada") == {"research"}
    laptop.choose("action=withdraw", "ada")
    assert private.granted("ada") == set()


def test_a_signal_of_who_is_signed_in_is_the_account_s_refusal_on_every_device_and_once(door: Door) -> None:
    laptop, private = devices(door)
    private.headers["Sec-GPC"] = "1"
    laptop.choose("action=accept", "ada")
    private.get()
    assert len(door.log.kept) == 1, "nobody knows whose signal it is"
    private.get(user="ada")
    record = door.log.kept[-1]
    assert (record.kind, record.surface, record.method, record.gpc) == ("withdraw", "signal", "header", True)
    assert record.subject == door.site.subject("ada")
    assert private.cookies == {}
    assert laptop.granted("ada") == set()
    for _ in range(2):
        private.get(user="ada")
    assert len(door.log.kept) == 2
    laptop.choose("action=accept", "ada")
    private.get(user="ada")
    assert laptop.granted("ada") == ALL, "what is chosen in spite of it, later, is the visitor's choice"
    assert private.granted("ada") == set()
    assert len(door.log.kept) == 3


def test_a_signal_where_it_does_not_bind_or_where_all_was_refused_is_no_choice(door: Door) -> None:
    laptop, private = devices(door)
    private.headers |= {"Sec-GPC": "1", "X-Region": "DE"}
    laptop.choose("action=accept", "ada")
    private.get(user="ada")
    private.headers["X-Region"] = "US-CA"
    laptop.choose("action=refuse", "ada")
    private.get(user="ada")
    assert [record.surface for record in door.log.kept] == ["api", "api"]
    door.log.available = False
    assert private.get(user="bob").status == 200, "without the log, the signal counts on its own browser"


def test_pages_are_told_apart_by_who_is_signed_in(door: Door) -> None:
    answer = devices(door)[0].get(user="ada")
    assert "private" in answer.header("cache-control")
    assert "X-User" in answer.header("vary")


def test_without_the_log_nothing_grows_and_refusals_bite(door: Door) -> None:
    laptop, phone = devices(door)
    laptop.choose("action=accept", "ada")
    door.log.available = False
    assert laptop.granted("ada") == ALL, "its own cookie says so"
    assert phone.choose("action=accept", "eve").status == 503
    assert phone.granted("eve") == set()
    laptop.choose("action=withdraw", "ada")
    assert laptop.granted("ada") == set()
    door.log.available = True
    assert laptop.granted("ada") == set(), "although the log, which was away, knows of an agreement only"
    assert laptop.granted() == set()


# How it is done


@dataclass
class Counted(ListStore):
    """A log that counts how often it is asked."""

    asked: int = 0

    def newest(self, subjects: Any, limit: int) -> Any:
        self.asked += 1
        return super().newest(subjects, limit)


class Unasked(ListStore):
    """A log that keeps, in a spool, and cannot be asked."""

    def newest(self, subjects: Any, limit: int) -> Any:
        raise LogUnavailable("away")


def process(
    log: ListStore, *, keys: Iterable[str] = (SECRET,), **changes: Any
) -> tuple[ConsentSite, Callable[[Request], Answer]]:
    """One of a site's processes, all of which share a log."""
    site = ConsentSite.open({**SIGNED_IN, **changes}, keys=keys)
    site.store = log
    return site, asking(site)


def page(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/html")])
    return [b"".join(SITE["/"].chunks)]


def asking(site: ConsentSite, app: Any = page) -> Callable[[Request], Answer]:
    gated = ConsentMiddleware(app, site)
    return lambda request: call_wsgi(gated, replace(request, valid=False))


def test_pages_cost_no_query_within_the_seconds_that_are_remembered() -> None:
    log = Counted()
    _, ask = process(log)
    laptop, phone = Device(ask), Device(ask)
    laptop.choose("action=accept", "ada")
    log.asked = 0
    for _ in range(20):
        laptop.get(user="ada")
        phone.get(user="ada")
        phone.get()
    assert log.asked == 1
    _, other = process(log, account_seconds=0)
    log.asked = 0
    for _ in range(3):
        Device(other).get(user="ada")
    assert log.asked == 3, "a site that asks for it has the log asked each time"


def test_another_process_asks_again_when_a_cookie_knows_more_than_it_has_heard() -> None:
    log = Counted()
    here, there = process(log)[1], process(log)[1]
    laptop = Device(here)
    laptop.choose("action=refuse", "ada")
    laptop.ask = there
    assert laptop.granted("ada") == set()
    laptop.ask = here
    laptop.choose("action=accept", "ada")
    laptop.ask = there
    log.asked = 0
    assert laptop.granted("ada") == ALL, "at once, and not when the seconds are over"
    laptop.get(user="ada")
    assert log.asked == 1


def test_a_withdrawal_is_known_to_every_process_when_the_seconds_are_over(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Counted()
    (_, here), (site, there) = process(log), process(log)
    now = 1000.0
    monkeypatch.setattr(site.accounts, "_clock", lambda: now)
    laptop, phone = Device(here), Device(there)
    laptop.choose("action=accept", "ada")
    assert phone.granted("ada") == ALL
    laptop.choose("action=withdraw", "ada")
    now += 5.0
    assert phone.granted("ada") == set()


def test_while_the_log_is_away_what_was_heard_last_counts_and_it_is_left_in_peace(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    log = Counted()
    site, ask = process(log)
    now = 1000.0
    monkeypatch.setattr(site.accounts, "_clock", lambda: now)
    laptop, phone, private = Device(ask), Device(ask), Device(ask, {"Sec-GPC": "1"})
    laptop.choose("action=accept", "ada")
    assert phone.granted("ada") == ALL
    log.available, log.asked = False, 0
    now += 60.0
    with caplog.at_level(logging.ERROR, "consent"):
        for _ in range(5):
            assert phone.granted("ada") == ALL
            assert phone.granted("bob") == set()
            assert private.get(user="ada").status == 200
    assert log.asked == 1
    assert "cannot be asked for the choices of accounts" in caplog.text
    assert "did not keep" not in caplog.text, "nor is it told of signals"


def test_what_is_refused_while_the_log_cannot_be_asked_holds_against_what_it_had_heard_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log, spool = ListStore(), Unasked()
    (site, here), (_, there) = process(log), process(log)
    now = 1000.0
    monkeypatch.setattr(site.accounts, "_clock", lambda: now)
    laptop, phone = Device(here), Device(there)
    laptop.choose("action=accept", "ada")
    laptop.get(user="ada")
    phone.choose("action=refuse", "ada")
    phone.choose("action=accept", "ada")
    site.store = spool
    laptop.choose("action=refuse", "ada")
    assert len(spool.kept) == 1
    site.store = log  # it is back, and the spool has not reached it
    now += 60.0
    assert laptop.granted("ada") == set()


def test_what_is_chosen_again_is_recorded_where_the_log_knows_of_another_choice() -> None:
    log = ListStore()
    laptop, phone = (Device(process(log, account_seconds=0)[1]) for _ in range(2))
    for number in range(MOST_CHOICES):
        laptop.choose("action=refuse" if number % 2 else "action=accept", "ada")
    phone.choose("action=accept", "ada")
    laptop.choose("action=refuse", "ada")
    laptop.choose("action=accept", "ada")
    phone.choose("action=refuse", "ada")
    laptop.choose("action=accept", "ada")
    assert phone.granted("ada") == set(), "of so many it is not known which came first"
    phone.choose("action=refuse", "ada")
    assert Device(laptop.ask).granted("ada") == set()
    kept = len(log.kept)
    phone.choose("action=refuse", "ada")
    assert len(log.kept) == kept, "and now it has it"


def test_with_a_new_key_an_account_is_who_it_was() -> None:
    log = ListStore()
    _, before = process(log, keys=[OLD_SECRET])
    Device(before).choose("action=accept", "ada")
    _, after = process(log, keys=[SECRET, OLD_SECRET])
    assert Device(after).granted("ada") == ALL
    Device(after).choose("action=withdraw", "ada")
    assert Device(after).granted("ada") == set()
    assert log.kept[0].subject != log.kept[1].subject


def changed(log: ListStore, edit: Callable[[Record], Record]) -> None:
    log.kept[:] = [edit(record) for record in log.kept]


def test_a_record_that_does_not_count_counts_for_no_device() -> None:
    log = ListStore()
    _, ask = process(log)
    Device(ask).choose("action=refuse", "ada")
    Device(ask).choose("action=accept", "ada")
    denied = log.kept[-1]
    log.kept.append(void(denied, id="f" * 32, ts=denied.ts + 1))
    assert Device(process(log)[1]).granted("ada") == set()
    assert Device(process(log)[1]).state("ada")["status"] == "refused"


def test_behind_many_that_do_not_count_there_may_be_a_refusal() -> None:
    log = ListStore()
    stranger, fresh = (Device(process(log)[1], {"X-Region": "US-CA"}) for _ in range(2))
    stranger.choose("action=refuse", "ada")
    stranger.choose("action=accept", "ada")
    denied = log.kept.pop()
    for number in range(MOST_CHOICES // 2):
        each = replace(denied, id=f"{number:032x}")
        log.kept += [each, void(each, id=f"{number + 1000:032x}", ts=each.ts)]
    assert fresh.granted("ada") == set()
    assert fresh.state("ada")["asked"]


def test_under_a_name_that_is_not_the_site_s_a_signal_is_nobody_s_refusal() -> None:
    log = ListStore()
    site, ask = process(log)
    Device(ask).choose("action=accept", "ada")
    gated = ConsentMiddleware(page, site, trusted_hosts=["other.example"])
    stranger = Device(lambda request: call_wsgi(gated, replace(request, valid=False)), {"Sec-GPC": "1"})
    stranger.get(user="ada")
    assert len(log.kept) == 1
    Device(ask, {"Sec-GPC": "1"}).get(user="ada")
    assert len(log.kept) == 2


def test_who_may_write_to_the_database_cannot_make_anybody_agree(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/consent.db"

    def ask() -> tuple[ConsentSite, Callable[[Request], Answer]]:
        site = ConsentSite.open({**SIGNED_IN, "log": url}, keys=[SECRET])
        return site, asking(site)

    site, asked = ask()
    Device(asked).choose("action=accept", "eve")
    Device(asked).choose("action=refuse", "ada")
    assert Device(asked).granted("eve") == ALL
    eve, ada = (bytes.fromhex(site.subject(name)) for name in ("eve", "ada"))
    site.close()
    with sqlite3.connect(tmp_path / "consent.db") as database:
        database.execute("UPDATE consent_record SET ts = ts - 10 WHERE subj = ?", (ada,))
        database.execute("UPDATE consent_record SET subj = ? WHERE subj = ?", (ada, eve))
    site, asked = ask()
    assert Device(asked).granted("ada") == set()
    assert Device(asked).state("ada")["asked"], "nobody knows what she said"
    site.close()
    with sqlite3.connect(tmp_path / "consent.db") as database:
        database.execute(
            """UPDATE consent_record SET body = replace(body, '"granted":[]', '"granted":["analytics"]')"""
        )
    site, asked = ask()
    assert Device(asked).granted("ada") == set()
    site.close()


@pytest.mark.parametrize("log_url", ["sqlite", "postgresql"], indirect=True)
def test_a_real_log_answers_from_its_index(log_url: str, run: Callable[..., Any]) -> None:
    key = "a-secret-for-tests-without-blanks-in-it"
    site = ConsentSite.open({**SIGNED_IN, "log": log_url, "spool": "off"}, keys=[key])
    laptop, phone = Device(asking(site)), Device(asking(site))
    for body in ("action=refuse", "action=accept", "action=save&purpose=analytics"):
        laptop.choose(body, "ada")
    phone.choose("action=accept", "bob")
    assert phone.granted("ada") == {"analytics"}
    assert site.store.newest([site.subject("ada")], 2)[0].record is not None
    assert len(site.store.newest([site.subject("ada"), site.subject("bob")], 64)) == 4
    # A visitor has a right to be forgotten: log and commands know the pseudonym.
    subject = site.subject("ada")
    secrets: Mapping[str, str] = {"CONSENT_SECRET_KEY": key, "CONSENT_LOG": log_url}
    assert run("log", "find", "--subject", subject, **secrets).returncode == 0
    assert run("log", "erase", "--subject", subject, "--yes", **secrets).returncode == 0
    assert site.store.newest([subject], 64) == []
    fresh = Device(laptop.ask)
    site.accounts._heard.clear()
    assert fresh.granted("ada") == set()
    assert fresh.state("ada")["asked"]
    assert fresh.granted("bob") == ALL
    site.close()


def test_what_an_account_chose_and_nobody_chooses_again_is_nobody_s() -> None:
    log = ListStore()
    ask = process(log)[1]
    shared, bobs = Device(ask), Device(ask)
    bobs.choose("action=accept", "bob")
    shared.choose("action=refuse", "ada")
    shared.choose("action=refuse", "")
    assert [record.granted for record in log.kept] == [tuple(sorted(ALL)), (), ()]
    assert shared.granted("bob") == set(), "who was not signed in can take away"
    assert bobs.granted("bob") == ALL
    shared.choose("action=refuse", "")
    assert len(log.kept) == 3, "said again by whoever said it"


# Any course of events, beside a slow and obvious account of it


@dataclass
class Remembered:
    """What a browser's cookie says: whose it is, what it grants, and which of all choices it was."""

    owner: str
    granted: frozenset[str]
    when: int


class Obvious:
    """The rule, as the documentation tells it, with a clock that is always right."""

    def __init__(self) -> None:
        self.clock = 0
        self.latest: dict[str, Remembered] = {}
        self.cookies: dict[int, Remembered] = {}

    def choose(self, device: int, user: str, granted: frozenset[str]) -> None:
        self.clock += 1
        self.cookies[device] = Remembered(user, granted, self.clock)
        if user:
            self.latest[user] = self.cookies[device]

    def look(self, device: int, user: str) -> frozenset[str]:
        cookie, latest = self.cookies.get(device), self.latest.get(user)
        if cookie is not None and user and cookie.owner not in {"", user}:
            cookie = None
        if not user or latest is None:
            return cookie.granted if cookie else frozenset()
        if cookie is None:
            return latest.granted
        if cookie.owner == user:
            if latest.when > cookie.when and cookie.granted - latest.granted:
                self.cookies[device] = Remembered(user, cookie.granted & latest.granted, cookie.when)
            return latest.granted
        return cookie.granted & latest.granted


_steps = st.tuples(
    st.integers(0, 2),  # which device
    st.integers(0, 1),  # which process
    st.sampled_from(["", "ada", "bob"]),
    st.none() | st.frozensets(st.sampled_from(sorted(ALL))),  # looks at a page, or chooses
)


@settings(deadline=None, max_examples=30)
@given(st.lists(_steps, max_size=12))
def test_whatever_happens_is_what_the_documentation_says(
    steps: list[tuple[int, int, str, frozenset[str] | None]],
) -> None:
    log = ListStore()
    processes = [process(log, account_seconds=0)[1] for _ in range(2)]
    browsers, obvious = [Device(processes[0]) for _ in range(3)], Obvious()
    for device, server, user, choice in steps:
        browsers[device].ask = processes[server]
        if choice is None:
            browsers[device].get(user=user)
        else:
            browsers[device].choose("action=save&" + "&".join(f"purpose={name}" for name in choice), user)
            obvious.choose(device, user, choice)
        assert browsers[device].granted(user) == obvious.look(device, user), (device, user, choice)


def test_the_site_s_role_needs_the_grant_that_is_told(cluster: Any) -> None:
    docs = Path(__file__).parents[2] / "docs"
    roles, grant = (
        re.findall(r"^```sql\n(.*?)^```$", (docs / name).read_text("utf-8"), re.MULTILINE | re.DOTALL)
        for name in ("log.md", "accounts.md")
    )
    database = cluster.new_database()
    owner = open_store(cluster.url(database), keys=[b"key"])
    owner.find("")
    owner.close()
    for block in roles:
        cluster.execute(database, block)
    site = open_store(cluster.url(database, "consent_app"), keys=[b"key"])
    with pytest.raises(LogUnavailable, match="permission denied"):
        site.newest(["ab" * 16], 1)
    for block in grant:
        cluster.execute(database, block)
    assert site.newest(["ab" * 16], 1) == []
    site.close()
    names = ", ".join(sorted(set(re.findall(r"CREATE ROLE (\w+)", "".join(roles)))))
    cluster.execute(database, f"DROP OWNED BY {names}; DROP ROLE {names}")


# The site's own function


@pytest.mark.parametrize(("found", "same"), [(4711, "4711"), (UUID(int=1), str(UUID(int=1))), ("4711", "4711")])
def test_an_id_is_a_text_a_number_or_a_uuid(found: object, same: str) -> None:
    log = ListStore()
    site, ask = process(log, account=lambda header: found)
    Device(ask).choose("action=accept")
    assert log.kept[0].subject == site.subject(same)


@pytest.mark.parametrize("found", [None, ""])
def test_nobody_is_signed_in_without_an_id(found: object) -> None:
    log = ListStore()
    _, ask = process(log, account=lambda header: found)
    Device(ask).choose("action=accept")
    assert log.kept[0].subject is None


def _fails(header: object) -> str:
    raise LookupError("the session store is away")


@pytest.mark.parametrize("account", [lambda header: True, lambda header: object(), lambda header: b"1", _fails])
def test_a_function_that_fails_signs_nobody_in_and_is_told_once(
    account: object, caplog: pytest.LogCaptureFixture
) -> None:
    log = ListStore()
    _, ask = process(log, account=account)
    laptop = Device(ask)
    with caplog.at_level(logging.ERROR, "consent"):
        laptop.choose("action=accept")
        assert laptop.granted() == ALL
    assert log.kept[0].subject is None
    assert caplog.text.count("the site's function for accounts failed") == 1


def test_the_function_is_asked_with_the_request_s_headers() -> None:
    log = ListStore()
    _, ask = process(log, account=lambda header: header("x-session") and f"user of {header('x-session')}")
    laptop, phone = Device(ask, {"X-Session": "s1"}), Device(ask, {"X-Session": "s1"})
    laptop.choose("action=accept")
    assert phone.granted() == ALL


def test_pages_that_everybody_shares_know_nobody_and_their_state_does() -> None:
    log = Counted()
    _, ask = process(log, cache="shared", language="en")
    laptop, phone = Device(ask), Device(ask)
    laptop.choose("action=accept", "ada")
    log.asked = 0
    assert phone.get(user="ada").body == phone.get(user="bob").body == phone.get().body
    assert log.asked == 0
    assert phone.granted("ada") == ALL
    phone.choose("action=accept", "ada")
    laptop.choose("action=withdraw", "ada")
    states = [phone.get("/_consent/state", "ada") for _ in range(2)]
    assert [bool(state.header("clear-site-data")) for state in states] == [True, False]
    assert phone.granted("ada") == set()
    assert phone.granted() == set()


# Tasks


def test_a_task_honours_a_withdrawal_that_came_after_it_was_sent() -> None:
    log = ListStore()
    values: list[str] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        values.append(environ["consent.page"].carry())
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b""]

    site = ConsentSite.open(SIGNED_IN, keys=[SECRET])
    site.store = log
    worker = ConsentSite.open(SIGNED_IN, keys=[SECRET])
    worker.store = log
    laptop, phone = Device(asking(site, app)), Device(asking(site, app))
    laptop.choose("action=accept", "ada")
    laptop.get(user="ada")
    assert worker.carried(values[-1]).granted - {"necessary"} == ALL
    phone.choose("action=save&purpose=analytics", "ada")
    assert worker.carried(values[-1]).why == "withdrawn"
    assert worker.carried(values[-1]).granted == {"necessary", "analytics"}
    phone.choose("action=accept", "ada")
    assert worker.carried(values[-1]).granted - {"necessary"} == ALL
    phone.choose("action=withdraw", "ada")
    assert worker.carried(values[-1]).granted == {"necessary"}
    phone.choose("action=accept", "ada")
    kept = [*log.kept]
    log.kept.clear()  # as if erased
    assert (worker.carried(values[-1]).why, worker.carried(values[-1]).granted) == ("withdrawn", {"necessary"})
    log.kept.extend(kept)
    log.available = False
    assert (worker.carried(values[-1]).why, worker.carried(values[-1]).granted) == ("unknown", {"necessary"})
    assert Carried.read(values[-1], worker.settings).granted - {"necessary"} == ALL, "who does not ask does not know"
    log.available = True
    rotated = ConsentSite.open(SIGNED_IN, keys=["a newer secret, long enough as well", SECRET])
    rotated.store = log
    assert rotated.carried(values[-1]).why == "unknown", "a withdrawal would go by another name now"
    assert rotated.carried(values[-1]).granted == {"necessary"}


# Several hosts


def host(name: str, log: ListStore, **changes: Any) -> Callable[[Request], Answer]:
    """One of the hosts that share a log and a key. HTTPS, as in life."""
    site = ConsentSite.open({**SETTINGS, "cookie_domain": "example.org", **changes}, keys=[SECRET])
    site.store = log
    gated = ConsentMiddleware(page, site)

    def ask(request: Request) -> Answer:
        def renamed(environ: dict[str, Any], start_response: Any) -> Any:
            return gated(environ | {"HTTP_HOST": name}, start_response)

        return call_wsgi(renamed, replace(request, headers={**request.headers, "X-Scheme": "https"}, valid=False))

    return ask


def test_hosts_below_one_domain_share_one_decision() -> None:
    log = ListStore()
    news, shop = host("www.example.org", log), host("shop.example.org", log)
    browser = Device(news)
    answer = browser.choose("action=save&purpose=analytics")
    assert any("__Secure-consent=" in value and "Domain=example.org" in value for value in answer.all("set-cookie"))
    browser.ask = shop
    assert browser.granted() == {"analytics"}
    assert 'value="accept"' not in browser.get().text
    browser.choose("action=withdraw")
    browser.ask = news
    assert browser.granted() == set()
    assert [record.site for record in log.kept] == ["www.example.org", "shop.example.org"]


def test_hosts_whose_policies_differ_ask_each_for_itself_and_grant_nothing_that_was_not_asked() -> None:
    log = ListStore()
    news = host("www.example.org", log, policy="")
    shop = host("shop.example.org", log, policy="", services={**SETTINGS["services"], "meta-pixel": {}})
    browser = Device(news)
    browser.choose("action=accept")
    browser.ask = shop
    assert browser.granted() == set()
    assert browser.state()["asked"], "the shop has a service more, of which nobody was told"


def test_a_host_s_own_cookie_goes_when_a_shared_one_comes() -> None:
    log = ListStore()
    browser = Device(host("www.example.org", log, cookie_domain=""))
    browser.choose("action=accept")
    assert [*browser.cookies] == ["__Host-consent"]
    browser.ask = host("www.example.org", log)
    assert browser.granted() == ALL, "nobody is asked again for a setting of the site's"
    browser.choose("action=refuse")
    assert [*browser.cookies] == ["__Secure-consent"]
    assert browser.granted() == set()


def test_one_account_has_one_choice_on_hosts_of_different_domains() -> None:
    log = ListStore()
    here = Device(process(log)[1])
    there = Device(host("www.example.net", log, account="header:X-User"))
    here.choose("action=accept", "ada")
    assert there.granted("ada") == ALL
    there.choose("action=withdraw", "ada")
    assert Device(process(log)[1]).granted("ada") == set()


def test_a_log_that_is_away_is_no_answer_of_a_fake() -> None:
    with pytest.raises(LogUnavailable):
        ListStore(available=False).newest(["ab" * 16], 1)
