"""What a visitor is allowed: policy, regime, signal and decision together."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.errors import UnknownPurpose
from consent.policy.policy import Policy, Purpose
from consent.policy.regime import MODELS, PRESETS, add_months, regime_for_region
from consent.visitor.decision import Decision, Visitor
from consent.visitor.signal import Signals

POLICY = Policy.of([Purpose("necessary"), Purpose("analytics"), Purpose("marketing")], version="1")
ALL = frozenset({"necessary", "analytics", "marketing"})
NOW = int(datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp())


def decided(*granted: str, at: int = NOW, policy: str = "1", model: str = "opt-in", gpc: bool = False) -> Decision:
    return Decision(frozenset(granted), policy=policy, model=model, at=at, gpc=gpc)


def visitor(regime: str, decision: Decision | None = None, *, gpc: bool = False, now: int = NOW) -> Visitor:
    return Visitor(POLICY, PRESETS[regime], Signals(gpc=gpc), decision, now)


@pytest.mark.parametrize(("regime", "granted"), [("eu", {"necessary"}), ("us-ca", ALL), ("us-other", ALL)])
def test_before_an_answer_the_regime_decides(regime: str, granted: set[str]) -> None:
    asked = visitor(regime)
    assert asked.granted == granted
    assert asked.asked
    assert asked.status == "undecided"


def test_an_answer_is_what_holds() -> None:
    for regime in ("eu", "us-ca", "us-other"):
        chosen = visitor(regime, decided("analytics"))
        assert chosen.granted == {"necessary", "analytics"}
        assert not chosen.asked
        assert chosen.status == "custom"
        assert visitor(regime, decided()).granted == {"necessary"}
        assert visitor(regime, decided()).status == "refused"
        assert visitor(regime, decided("analytics", "marketing")).status == "accepted"


def test_an_unknown_purpose_raises_and_names_the_nearest() -> None:
    with pytest.raises(UnknownPurpose, match="did you mean 'analytics'"):
        visitor("eu").allows("analitics")
    assert visitor("eu").allows("necessary")
    assert not visitor("eu").allows("analytics")


def test_a_decision_cannot_grant_what_the_policy_does_not_have() -> None:
    assert visitor("eu", decided("analytics", "research")).granted == {"necessary", "analytics"}


@pytest.mark.parametrize("granted", [(), ("analytics", "marketing")], ids=["refuser", "accepter"])
def test_everybody_is_asked_again_when_the_policy_changes(granted: tuple[str, ...]) -> None:
    changed = visitor("eu", decided(*granted, policy="0"))
    assert changed.asked
    assert changed.granted == {"necessary"}


@pytest.mark.parametrize("granted", [(), ("analytics", "marketing")], ids=["refuser", "accepter"])
def test_an_answer_holds_for_the_regimes_calendar_months(granted: tuple[str, ...]) -> None:
    made = int(datetime(2026, 8, 31, tzinfo=UTC).timestamp())
    end = int(datetime(2027, 2, 28, tzinfo=UTC).timestamp())
    assert not visitor("eu", decided(*granted, at=made), now=end - 1).asked
    assert visitor("eu", decided(*granted, at=made), now=end).asked


def test_the_longest_six_months_are_184_days_and_none_is_cut_short() -> None:
    made = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp())
    assert add_months(made, 6) - made == 184 * 86_400


@given(st.integers(0, 4_000_000_000), st.integers(1, 24))
def test_months_are_never_shorter_than_28_days_each(at: int, months: int) -> None:
    span = add_months(at, months) - at
    assert 28 * 86_400 * months <= span <= 31 * 86_400 * months


def test_moving_to_a_stricter_regime_asks_again_and_to_a_laxer_one_does_not() -> None:
    assert visitor("eu", decided("analytics", model="opt-out")).asked
    assert visitor("eu", decided("analytics", model="opt-out")).granted == {"necessary"}
    assert not visitor("us-ca", decided("analytics", model="opt-in")).asked


def test_a_refusal_bites_even_after_it_has_run_out() -> None:
    old = decided(at=NOW - 800 * 86_400, model="opt-out")
    stale = visitor("us-ca", old)
    assert stale.asked
    assert stale.granted == {"necessary"}


def test_gpc_counts_as_a_refusal_where_it_binds() -> None:
    for regime in ("us-ca", "us-uoom", "eu", "strict"):
        signalled = visitor(regime, gpc=True)
        assert signalled.granted == {"necessary"}
        assert not signalled.asked
        assert signalled.honours_gpc
        assert signalled.status == "refused"
    assert visitor("de", gpc=True).asked
    assert not visitor("de", gpc=True).honours_gpc


def test_gpc_overrules_an_older_agreement_but_not_one_given_in_its_face() -> None:
    assert visitor("us-ca", decided("marketing"), gpc=True).granted == {"necessary"}
    assert visitor("us-ca", decided("marketing", gpc=True), gpc=True).granted == {"necessary", "marketing"}
    assert visitor("us-ca", decided("marketing", gpc=True, policy="0"), gpc=True).granted == {"necessary"}


def test_a_decision_from_the_future_does_not_hold() -> None:
    assert visitor("eu", decided("analytics", at=NOW + 2 * 86_400)).asked


def test_a_policy_with_nothing_optional_asks_nobody() -> None:
    nothing = Visitor(Policy.of([Purpose("necessary")]), PRESETS["eu"], now=NOW)
    assert not nothing.asked
    assert nothing.granted == {"necessary"}


@pytest.mark.parametrize(
    ("region", "regime"),
    [
        ("FR", "fr"), ("AT", "eu"), ("at", "eu"), ("NO", "eu"), ("GB", "uk"), ("CH", "ch"), ("US-CA", "us-ca"),
        ("US_CO", "us-uoom"), ("US-WY", "us-other"), ("US", "us-ca"), ("CA-QC", "ca-qc"), ("BR", "br"), ("CA", "ca-qc"),
        ("XX", "strict"), ("", "strict"), (None, "strict"), ("FR-IDF", "fr"), ("T1", "strict"),
    ],
)  # fmt: skip
def test_a_region_leads_to_its_regime_and_the_unknown_to_the_strictest(region: str | None, regime: str) -> None:
    assert regime_for_region(region).name == regime


grants = st.frozensets(st.sampled_from(["analytics", "marketing", "research"]))


@given(
    st.sampled_from(sorted(PRESETS)),
    st.none()
    | st.builds(
        Decision, grants, st.sampled_from("01"), st.sampled_from(MODELS), st.integers(0, 2 * NOW), st.booleans()
    ),
    st.booleans(),
)
def test_nothing_refused_is_allowed_and_under_opt_in_nothing_unasked(
    regime: str, decision: Decision | None, gpc: bool
) -> None:
    someone = visitor(regime, decision, gpc=gpc)
    assert {"necessary"} <= someone.granted <= ALL
    if someone.regime.model == "opt-in":
        agreed = decision.granted if decision is not None and someone.current else frozenset()
        assert someone.granted <= agreed | {"necessary"}
    if decision is not None:
        assert someone.granted <= decision.granted | {"necessary"}
