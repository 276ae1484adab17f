"""Whose decision holds, the browser's or the account's: every case of the rule, and what no case may do."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.policy.policy import Policy, Purpose
from consent.policy.regime import PRESETS
from consent.visitor.account import NOTHING, Account, lessened, pseudonyms, settled
from consent.visitor.decision import MOST_CHOICES, Decision, Tie, Visitor
from consent.visitor.signal import Signals

KEY, OLD = b"a key for tests, of a decent length", b"the key before that, also decent.."
POLICY = Policy.of([Purpose("necessary"), Purpose("analytics"), Purpose("marketing")], version="1")
NOW = 1_795_000_000
ADA, BOB = pseudonyms([KEY], "ada"), pseudonyms([KEY], "bob")
OF_ADA = Account(ADA)


def said(*granted: str, number: int = 0, of: Account = OF_ADA, at: int = NOW, gpc: bool = False) -> Decision:
    """What a browser's cookie says; with a number, as a choice of an account's."""
    return Decision(
        frozenset(granted),
        policy="1",
        model="opt-in",
        at=at,
        gpc=gpc,
        record=f"{number:032x}" if granted else None,
        tie=of.tied(frozenset(granted), number) if number else None,
    )


def account(*granted: str, number: int = 1) -> Account:
    """An account whose choice of that number is its latest."""
    return replace(OF_ADA, latest=said(*granted, number=number), choices=number)


def allowed(cookie: Decision | None, of: Account, *, gpc: bool = False, regime: str = "eu") -> frozenset[str]:
    """What is allowed in the end, the necessary aside."""
    decision = settled(cookie, of, gpc=gpc)
    visitor = Visitor(POLICY, PRESETS[regime], Signals(gpc=gpc), decision, NOW, of)
    return visitor.granted - {"necessary"}


A, M = "analytics", "marketing"


@pytest.mark.parametrize(
    ("cookie", "latest", "expected"),
    [
        pytest.param(None, account(A), {A}, id="the next device has the account's choice"),
        pytest.param(None, account(), set(), id="and its refusal"),
        pytest.param(said(A), OF_ADA, {A}, id="an account that has not chosen leaves the browser its choice"),
        pytest.param(said(A, number=1), account(number=2), set(), id="withdrawn on another device"),
        pytest.param(said(number=1), account(A, number=2), {A}, id="agreed to later, on another device"),
        pytest.param(said(A, number=1), account(M, number=2), {M}, id="chosen otherwise later"),
        pytest.param(said(A, M, number=2), account(A, M, number=2), {A, M}, id="the same choice"),
        pytest.param(said(number=2), account(A, number=1), set(), id="refused here, and the log is behind"),
        pytest.param(said(A, number=2), account(number=1), set(), id="agreed to here, and the log is behind"),
        pytest.param(said(A, number=3), account(number=1), set(), id="withdrawn after what was known was erased"),
        pytest.param(said(), account(A), set(), id="refused here by whoever was not signed in"),
        pytest.param(said(A, M), account(A), {A}, id="agreed to here by whoever was not signed in"),
        pytest.param(said(M), account(A), set(), id="nothing in common with who was not signed in"),
        pytest.param(said(A, number=MOST_CHOICES), account(number=MOST_CHOICES), set(), id="too many to be counted"),
    ],
)
def test_the_rule(cookie: Decision | None, latest: Account, expected: set[str]) -> None:
    assert allowed(cookie, latest) == expected


def test_another_account_s_choice_on_the_same_browser_counts_for_nothing() -> None:
    bob = Account(BOB, latest=said(A, number=1, of=Account(BOB)), choices=1)
    fresh = Account(BOB)
    for cookie in (said(A, M, number=1), said(M, number=9)):
        assert allowed(cookie, bob) == {A}
        assert allowed(cookie, fresh) == set()
        visitor = Visitor(POLICY, PRESETS["eu"], decision=settled(cookie, fresh, gpc=False), now=NOW)
        assert visitor.asked, "Bob has not been asked yet"
        assert visitor.status == "undecided"
    # Ada's refusal is not Bob's either: under opt-out he has refused nothing.
    assert allowed(said(number=1), fresh, regime="us-ca") == {A, M}


def test_signing_in_grants_nothing_that_the_browser_s_signal_refuses() -> None:
    for latest in (account(A), replace(account(A), latest=said(A, number=1, gpc=False))):
        assert allowed(None, latest, gpc=True) == set()
        assert allowed(None, latest, gpc=True, regime="us-ca") == set()
    # What was agreed to on this browser, in the signal's face, holds; what another device adds does not.
    here = said(A, number=1, gpc=True)
    assert allowed(here, account(A, number=1), gpc=True) == {A}
    assert allowed(here, account(A, M, number=2), gpc=True) == {A}
    assert allowed(here, account(number=2), gpc=True) == set()


def test_while_the_log_cannot_be_asked_the_browser_s_own_word_counts_and_nothing_else() -> None:
    away = Account(ADA, known=False)
    assert allowed(said(A, number=1), away) == {A}
    assert allowed(said(A), away) == {A}
    assert allowed(said(A, number=1, of=Account(BOB)), away) == set()
    for regime in ("eu", "us-ca", "us-other"):
        assert allowed(None, away, regime=regime) == set(), "whoever has no answer here may have refused elsewhere"
    assert Visitor(POLICY, PRESETS["us-ca"], decision=settled(None, away, gpc=False), now=NOW).asked


def test_what_was_heard_before_the_log_was_away_counts_but_orders_nothing() -> None:
    heard = replace(account(A, number=2), known=False)
    assert allowed(None, heard) == {A}
    assert allowed(said(A, M, number=1), heard) == {A}
    assert heard.tie(frozenset(), None).choices == MOST_CHOICES, "others may have been made since"
    for regime in ("eu", "us-ca"):
        assert allowed(None, replace(OF_ADA, known=False), regime=regime) == set()


@pytest.mark.parametrize(
    ("cookie", "latest", "left"),
    [
        (said(A, M, number=1), account(A, number=2), {A}),
        (said(A, number=1), account(number=2), set()),
        (said(A, number=1), account(A, M, number=2), None),  # nothing is added
        (said(A, number=2), account(number=1), None),  # the log is behind
        (said(A), account(number=2), None),  # who was not signed in keeps their own
        (said(A, number=1, of=Account(BOB)), account(number=2), None),
        (None, account(number=2), None),
    ],
)
def test_what_was_taken_back_elsewhere_leaves_the_browser_s_cookie_and_nothing_enters_it(
    cookie: Decision | None, latest: Account, left: set[str] | None
) -> None:
    found = lessened(cookie, latest)
    assert (None if found is None else found.granted) == left
    if found is not None and cookie is not None:
        assert not found.granted - cookie.granted
        assert lessened(found, latest) is None, "once is enough"
        assert settled(found, latest, gpc=False) == latest.latest
        if not found.granted:
            assert (found.record, found.leaf, found.at % 86_400) == (None, None, 0)
            assert found.tie == Tie(ADA[0].mark[:2], 1)


def test_the_id_is_in_no_pseudonym_and_log_and_cookie_cannot_be_joined() -> None:
    [one] = pseudonyms([KEY], "ada")
    assert len(one.subject) == 32
    assert len(one.mark) == 16
    assert one.mark not in one.subject
    assert one == pseudonyms([KEY], "ada")[0]
    everybody = {
        pseudonym for name in ("ada", "bob", "ada ", "", "\ud800", "Ada") for pseudonym in pseudonyms([KEY], name)
    }
    assert len(everybody) == 6
    assert pseudonyms([OLD], "ada")[0].subject != one.subject


def test_with_rotated_keys_the_account_is_the_same() -> None:
    before, after = Account(pseudonyms([OLD], "ada")), Account(pseudonyms([KEY, OLD], "ada"))
    assert after.owns(said(A, number=1, of=before))
    assert after.subject == pseudonyms([KEY], "ada")[0].subject
    assert not Account(pseudonyms([KEY], "ada")).owns(said(A, number=1, of=before))


def test_the_number_of_a_choice_goes_on_from_what_log_and_browser_know() -> None:
    nothing, something = frozenset[str](), frozenset({A})
    assert OF_ADA.tie(something, None) == Tie(ADA[0].mark, 1)
    assert account(A, number=3).tie(nothing, None) == Tie(ADA[0].mark[:2], 4)
    assert account(A, number=3).tie(nothing, said(A, number=5)).choices == 6, "the log is behind"
    assert account(A, number=3).tie(nothing, said(A, number=5, of=Account(BOB))).choices == 4
    assert account(A, number=MOST_CHOICES).tie(nothing, None).choices == MOST_CHOICES
    assert Account(ADA, known=False).tie(nothing, None).choices == MOST_CHOICES


grants = st.frozensets(st.sampled_from([A, M, "research"]))
numbers = st.integers(0, 4)


@st.composite
def cookies(draw: st.DrawFn) -> Decision | None:
    if draw(st.booleans()):
        return None
    granted, number = draw(grants), draw(numbers)
    whose = draw(st.sampled_from([OF_ADA, Account(BOB)]))
    made = said(*granted, number=number, of=whose, gpc=draw(st.booleans()), at=NOW - draw(st.integers(0, 40_000_000)))
    return replace(made, policy=draw(st.sampled_from("01")))


@st.composite
def accounts(draw: st.DrawFn) -> Account:
    number = draw(numbers)
    if not number:
        return Account(ADA, known=draw(st.booleans()))
    made = account(*draw(grants), number=number)
    assert made.latest is not None
    return replace(made, latest=draw(st.sampled_from([made.latest, replace(made.latest, policy="0"), NOTHING])))


@given(cookies(), accounts(), st.booleans(), st.sampled_from(sorted(PRESETS)))
def test_nothing_is_allowed_that_neither_this_account_nor_this_browser_agreed_to(
    cookie: Decision | None, of: Account, gpc: bool, regime: str
) -> None:
    own = cookie if cookie is not None and (cookie.tie is None or of.owns(cookie)) else None
    decision = settled(cookie, of, gpc=gpc)
    found = allowed(cookie, of, gpc=gpc, regime=regime)
    assert found <= {A, M}
    if decision is not None:
        agreed = (own.granted if own else frozenset()) | (of.latest.granted if of.latest else frozenset())
        assert decision.granted <= agreed
    if own is not None and own.tie is None:
        assert found <= own.granted, "who is not signed in can take away"
    if of.latest is not None and own is not None and own.tie is None:
        assert found <= of.latest.granted, "and can give nothing"
    if of.latest is not None and not of.latest.granted:
        assert found == frozenset(), "a refusal is never weakened"
    if gpc and "gpc" in PRESETS[regime].signals:
        in_its_face = own.granted if own is not None and own.gpc else frozenset()
        assert found <= in_its_face
    less = lessened(cookie, of)
    if less is not None:
        assert cookie is not None
        assert less.granted < cookie.granted
