"""What is exempt runs until it is objected to, here and nowhere else; what is sensitive, only once it is agreed to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.policy.policy import Policy, Purpose, Service
from consent.policy.regime import MODELS, PRESETS
from consent.visitor.account import Account, lessened, pseudonyms, settled
from consent.visitor.cookie import DecisionCookie
from consent.visitor.decision import Decision, Tie, Visitor
from consent.visitor.signal import Signals

NOW = int(datetime(2026, 11, 26, 12, tzinfo=UTC).timestamp())
COUNTER = Service("counter", purposes=("statistics",), exempt=frozenset({"cnil"}))
ADS = Service("ads", purposes=("marketing",))
POLICY = Policy.of(
    [Purpose("necessary"), Purpose("statistics"), Purpose("marketing"), Purpose("health", sensitive=True)],
    [COUNTER, ADS],
    version="1",
)
OPTIONAL = frozenset(POLICY.optional)


def visitor(regime: str, decision: Decision | None = None, *, gpc: bool = False, policy: Policy = POLICY) -> Visitor:
    return Visitor(policy, PRESETS[regime], Signals(gpc=gpc), decision, NOW)


def decided(*granted: str, unasked: str = "", model: str = "opt-in", policy: str = "1", at: int = NOW) -> Decision:
    return Decision(frozenset(granted), policy=policy, model=model, at=at, unasked=frozenset(unasked.split()))


def optional(someone: Visitor) -> set[str]:
    return set(someone.granted - {"necessary"})


def test_before_an_answer_what_is_exempt_runs_in_france_and_waits_in_germany() -> None:
    assert visitor("fr").exempt == {"statistics"}
    assert optional(visitor("fr")) == {"statistics"}
    assert visitor("fr").asked, "about the rest"
    for regime in ("de", "eu", "strict", "uk", "es"):
        assert visitor(regime).exempt == frozenset()
        assert optional(visitor(regime)) == set()


def test_an_objection_bites_and_a_refusal_refuses_it_as_well() -> None:
    assert optional(visitor("fr", decided("marketing"))) == {"marketing"}
    assert optional(visitor("fr", decided())) == set()
    assert not visitor("fr", decided()).asked


def test_an_objection_outlives_its_answer() -> None:
    long_ago = decided("marketing", at=NOW - 400 * 86_400)
    assert visitor("fr", long_ago).asked
    assert optional(visitor("fr", long_ago)) == set()
    assert optional(visitor("fr", replace(long_ago, granted=frozenset({"marketing", "statistics"})))) == {"statistics"}


def test_a_signal_that_binds_refuses_what_is_exempt() -> None:
    processor = Policy.of(POLICY.purposes, [replace(COUNTER, exempt=frozenset({"us-processor"}))], version="1")
    assert optional(visitor("us-ca", policy=processor)) == {"statistics", "marketing"}
    assert optional(visitor("us-ca", gpc=True, policy=processor)) == set()
    # In France nothing obliges to hear the signal, and consent there would be asked for.
    assert optional(visitor("fr", gpc=True)) == {"statistics"}


def test_where_nothing_is_left_to_ask_nobody_is_asked() -> None:
    only = Policy.of([Purpose("necessary"), Purpose("statistics")], [COUNTER], version="1")
    assert not visitor("fr", policy=only).asked
    assert visitor("fr", policy=only).status == "undecided"
    assert optional(visitor("fr", policy=only)) == {"statistics"}
    assert visitor("de", policy=only).asked


def test_who_was_not_asked_in_france_is_asked_in_germany() -> None:
    french = decided("marketing", "statistics", unasked="statistics")
    assert not visitor("fr", french).asked
    moved = visitor("de", french)
    assert moved.asked
    assert optional(moved) == set()
    assert optional(visitor("fr", french)) == {"statistics", "marketing"}, "and nothing is lost on coming back"


def test_who_objected_in_france_need_not_be_asked_in_germany() -> None:
    assert not visitor("de", decided("marketing")).asked
    assert optional(visitor("de", decided("marketing"))) == {"marketing"}


def test_an_agreement_from_germany_holds_in_france() -> None:
    assert optional(visitor("fr", decided("statistics"))) == {"statistics"}
    assert not visitor("fr", decided("statistics")).asked


@pytest.mark.parametrize("regime", ["ch", "us-ca", "us-uoom", "us-other", "opt-out", "notice"])
def test_what_is_sensitive_waits_for_an_agreement_where_all_else_runs(regime: str) -> None:
    assert optional(visitor(regime)) == OPTIONAL - {"health"}
    assert optional(visitor(regime, decided("health"))) == {"health"}
    stale = decided("health", "marketing", policy="0")
    assert optional(visitor(regime, stale)) == {"marketing"}


def test_the_first_layer_speaks_of_what_is_sensitive_only_where_it_asks_first() -> None:
    assert PRESETS["ch"].asked(POLICY) == {"statistics", "marketing"}
    assert PRESETS["de"].asked(POLICY) == OPTIONAL
    only = Policy.of([Purpose("necessary"), Purpose("health", sensitive=True)], version="1")
    assert not visitor("ch", policy=only).asked
    assert visitor("de", policy=only).asked


# All regimes and decisions

names = st.frozensets(st.sampled_from(sorted(OPTIONAL)))
decisions = st.builds(
    lambda granted, unasked, policy, model, at: Decision(
        granted, policy=policy, model=model, at=at, unasked=unasked & granted
    ),
    names,
    names,
    st.sampled_from("01"),
    st.sampled_from(MODELS),
    st.sampled_from([NOW, NOW - 300 * 86_400, NOW - 800 * 86_400]),
)
regimes = st.sampled_from(sorted(PRESETS))


@given(regimes, st.none() | decisions, st.booleans())
def test_nothing_runs_that_was_neither_agreed_to_nor_left_alone(
    regime: str, decision: Decision | None, gpc: bool
) -> None:
    someone = visitor(regime, decision, gpc=gpc)
    granted = optional(someone)
    if decision is not None:
        assert granted <= decision.granted, "a refusal bites, for whatever reason it was asked"
    agreed = decision.granted - decision.unasked if decision is not None and someone.current else frozenset()
    if someone.regime.model == "opt-in":
        assert granted <= agreed | someone.exempt
    assert "health" not in granted or (decision is not None and someone.current)
    if someone.honours_gpc:
        assert granted == set()


@given(decisions, regimes, regimes)
def test_moving_never_adds_what_was_not_agreed_to(decision: Decision, here: str, there: str) -> None:
    """What runs there is agreed to, or of the kind that runs there without."""
    moved = visitor(there, decision)
    kept = optional(visitor(here, decision))
    added = optional(moved) - kept
    assert added <= decision.granted
    if moved.regime.model == "opt-in":
        assert added <= (decision.granted - decision.unasked) | moved.exempt


@given(decisions)
def test_the_cookie_keeps_what_was_not_asked(decision: Decision) -> None:
    cookie = DecisionCookie([b"a key for tests, of a decent length"])
    assert cookie.decode(cookie.encode(decision)) == decision


# Accounts

KEY = b"a key for tests, of a decent length"
ADA = pseudonyms([KEY], "ada")


def tied(decision: Decision, choices: int) -> Decision:
    return replace(decision, tie=Tie(ADA[0].mark if decision.granted else ADA[0].mark[:2], choices))


@given(decisions, decisions, st.integers(1, 3), st.integers(1, 3))
def test_of_two_answers_neither_makes_an_agreement_of_what_the_other_was_not_asked(
    said: Decision, latest: Decision, mine: int, theirs: int
) -> None:
    held = settled(tied(said, mine), Account(ADA, latest=tied(latest, theirs), choices=theirs), gpc=False)
    assert held is not None
    assert held.unasked <= held.granted
    asked = held.granted - held.unasked
    assert asked <= (said.granted - said.unasked) | (latest.granted - latest.unasked)


@given(decisions, decisions)
def test_what_an_account_takes_back_leaves_no_more_than_was_said(said: Decision, latest: Decision) -> None:
    left = lessened(tied(said, 1), Account(ADA, latest=tied(latest, 2), choices=2))
    if left is not None:
        assert left.granted == said.granted & latest.granted
        assert left.unasked == said.unasked & left.granted
