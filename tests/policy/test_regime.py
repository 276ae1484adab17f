"""What the law asks for, where, and for how long."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.policy.regime import MODELS, PRESETS, REGIONS, STRICT, Regime, add_months, regime_for_region
from consent.policy.sources import CONFIDENCE, SOURCES

#: Name: model, months, whether GPC binds. Months are those after which a regulator expects to be asked again or, where
#: an agreement may hold for longer than a refusal must, the longer of the two: neither is asked again too early, and
#: none outlives what is allowed. Spain allows 24, but a browser keeps no cookie beyond 400 days.
SUMMARY = {
    "strict": ("opt-in", 6, True),
    "eu": ("opt-in", 6, True),
    "fr": ("opt-in", 6, False),
    "ie": ("opt-in", 6, False),
    "de": ("opt-in", 12, False),
    "it": ("opt-in", 12, False),
    "es": ("opt-in", 13, False),
    "uk": ("opt-in", 12, False),
    "ch": ("opt-out", 12, False),
    "us-ca": ("opt-out", 12, True),
    "us-uoom": ("opt-out", 12, True),
    "us-other": ("notice", 12, True),
    "nl": ("opt-in", 6, False),
    "ca": ("opt-out", 12, False),
    "ca-qc": ("opt-in", 6, False),
    "in": ("opt-in", 12, False),
    "jp": ("notice", 12, False),
    "kr": ("opt-in", 12, False),
    "za": ("opt-in", 12, False),
    "br": ("opt-in", 6, False),
    # The bare models
    "opt-in": ("opt-in", 6, False),
    "opt-out": ("opt-out", 12, True),
    "notice": ("notice", 12, True),
}


def test_the_presets_are_those_of_the_summary() -> None:
    assert {name: (r.model, r.months, "gpc" in r.signals) for name, r in PRESETS.items()} == SUMMARY
    assert all(name == regime.name for name, regime in PRESETS.items())


def test_the_law_asks_for_a_link_on_every_page_in_california_alone() -> None:
    assert [name for name, regime in PRESETS.items() if regime.privacy_choices] == ["us-ca"]


def test_no_answer_outlives_the_longest_cookie_that_a_browser_keeps() -> None:
    start = int(datetime(2027, 7, 1, tzinfo=UTC).timestamp())  # the longest thirteen months, with a 29th of February
    for regime in PRESETS.values():
        assert 6 * 28 * 86_400 <= add_months(start, regime.months) - start <= 400 * 86_400


def test_presets_and_regions_are_frozen() -> None:
    for table in (PRESETS, REGIONS):
        with pytest.raises(TypeError):
            table["x"] = table["FR" if table is REGIONS else "fr"]  # type: ignore[index]


def test_a_stricter_regime_asks_again_a_laxer_one_does_not() -> None:
    assert MODELS == ("notice", "opt-out", "opt-in")
    for place, model in enumerate(MODELS):
        regime = Regime("r", model, 6)
        assert [regime.stricter_than(other) for other in MODELS] == [number < place for number in range(3)]
        assert regime.stricter_than("a model that a later version knows")


EU = [
    "AT",
    "BE",
    "BG",
    "CY",
    "CZ",
    "DE",
    "DK",
    "EE",
    "ES",
    "FI",
    "FR",
    "GR",
    "HR",
    "HU",
    "IE",
    "IT",
    "LT",
    "LU",
    "LV",
    "MT",
    "NL",
    "PL",
    "PT",
    "RO",
    "SE",
    "SI",
    "SK",
]
EEA = ["IS", "LI", "NO"]
OPT_OUT_STATES = ["CA", "CO", "CT", "DE", "MD", "MN", "MT", "NE", "NH", "NJ", "OR", "TX"]


def test_every_member_of_the_eea_asks_first() -> None:
    assert len(EU) == 27
    for country in (*EU, *EEA):
        regime = regime_for_region(country)
        assert regime.model == "opt-in"
        assert regime.name in {"eu", "fr", "ie", "de", "it", "es", "nl"}
        assert country in REGIONS


@pytest.mark.parametrize(
    ("region", "name"),
    [
        ("FR", "fr"), ("fr", "fr"), (" fr ", "fr"), ("FR-75", "fr"), ("fr_idf", "fr"),
        ("PL", "eu"), ("IE", "ie"), ("DE-BY", "de"), ("IT", "it"), ("ES-CT", "es"),
        ("GB", "uk"), ("GB-SCT", "uk"), ("CH", "ch"), ("BR", "br"), ("BR-SP", "br"),
        ("NL", "nl"), ("RE", "fr"), ("GP", "fr"), ("AX", "eu"),
        # A province that cannot be read may be Québec.
        ("CA-QC", "ca-qc"), ("CA-ON", "ca"), ("ca_bc", "ca"), ("CA", "ca-qc"), ("CA-XX", "ca-qc"), ("CA-", "ca-qc"),
        ("IN", "in"), ("IN-KA", "in"), ("JP", "jp"), ("JP-13", "jp"), ("KR", "kr"), ("ZA", "za"),
        # The codes of states are those of countries too.
        ("MT", "eu"), ("US-MT", "us-uoom"), ("DE", "de"), ("US-DE", "us-uoom"), ("US-IN", "us-other"),
        ("CA-NL", "ca"), ("YT", "fr"), ("CA-YT", "ca"), ("ZA-NL", "za"), ("PE", "strict"), ("CA-PE", "ca"),
        ("US-CA", "us-ca"), ("us-ca", "us-ca"), ("US_CA", "us-ca"), ("US-TX", "us-uoom"),
        ("US-FL", "us-other"), ("US-NY", "us-other"),
        # A state that cannot be read may be California.
        ("US", "us-ca"), ("us", "us-ca"), ("US-", "us-ca"), ("US-06", "us-ca"), ("US-CAL", "us-ca"), ("US-CA-1", "us-ca"),
        # Whoever is nowhere is asked first.
        (None, "strict"), ("", "strict"), ("XX", "strict"), ("T1", "strict"), ("AU", "strict"), ("EU", "strict"),
        ("United States", "strict"), ("USA", "strict"), ("-US", "strict"), ("\N{LATIN SMALL LETTER LONG S}", "strict"),
    ],
)  # fmt: skip
def test_a_region_has_its_regime(region: str | None, name: str) -> None:
    assert regime_for_region(region) is PRESETS[name]


def test_the_states_whose_signal_binds_are_twelve() -> None:
    binding = {code for code, name in REGIONS.items() if name in {"us-ca", "us-uoom"}}
    assert binding == {f"US-{state}" for state in OPT_OUT_STATES}
    for state in OPT_OUT_STATES:
        regime = regime_for_region(f"US-{state}")
        assert regime.model == "opt-out"
        assert "gpc" in regime.signals


@settings(deadline=None)
@given(st.text(max_size=12) | st.from_regex(r"(?i)us[-_]?[a-z0-9]{0,3}", fullmatch=True))
def test_whatever_a_header_says_is_some_regime(region: str) -> None:
    assert regime_for_region(region).name in PRESETS


def test_only_known_codes_are_laxer_than_strict() -> None:
    codes = [a + b for a in map(chr, range(65, 91)) for b in map(chr, range(65, 91))]
    lax = {code for code in codes if regime_for_region(code).model != STRICT.model}
    assert lax == {"CH", "US", "JP"}


# Where they come from


def test_every_preset_says_where_it_comes_from_and_how_sure_that_is() -> None:
    assert list(SOURCES) == list(PRESETS)
    for basis in SOURCES.values():
        assert basis.sources
        assert basis.where
        assert basis.confidence in CONFIDENCE


def test_an_answer_holds_as_long_as_it_must_and_no_longer_than_it_may() -> None:
    for name, basis in SOURCES.items():
        months = PRESETS[name].months
        assert months >= (basis.again or 0), "nobody is asked again too early"
        assert basis.valid is None or months <= max(basis.valid, 6), "no agreement outlives what is allowed"


# Calendar months


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(f"{text}+00:00").timestamp())


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        ("2026-01-15T10:20:30", 1, "2026-02-15T10:20:30"),
        ("2026-01-31T00:00:00", 1, "2026-02-28T00:00:00"),
        ("2028-01-31T00:00:00", 1, "2028-02-29T00:00:00"),
        ("2026-08-31T23:59:59", 6, "2027-02-28T23:59:59"),
        ("2027-08-30T12:00:00", 6, "2028-02-29T12:00:00"),
        ("2028-02-29T12:00:00", 12, "2029-02-28T12:00:00"),
        ("2028-02-29T12:00:00", 48, "2032-02-29T12:00:00"),
        ("2026-12-31T12:00:00", 12, "2027-12-31T12:00:00"),
        ("2026-12-01T12:00:00", 1, "2027-01-01T12:00:00"),
        ("2026-11-30T12:00:00", 13, "2027-12-30T12:00:00"),
        ("2099-11-30T12:00:00", 3, "2100-02-28T12:00:00"),  # no leap year
        ("1970-01-01T00:00:00", 24, "1972-01-01T00:00:00"),
    ],
)
def test_months_are_calendar_months(start: str, months: int, end: str) -> None:
    assert add_months(seconds(start), months) == seconds(end)


@settings(deadline=None)
@given(st.integers(0, 4_000_000_000), st.integers(1, 24))
def test_months_later_it_is_the_same_day_or_the_last_of_a_shorter_month(start: int, months: int) -> None:
    before = datetime.fromtimestamp(start, UTC)
    after = datetime.fromtimestamp(add_months(start, months), UTC)
    assert (after.year * 12 + after.month) - (before.year * 12 + before.month) == months
    assert after.day == min(before.day, calendar.monthrange(after.year, after.month)[1])
    assert after.time() == before.time()


@settings(deadline=None)
@given(st.integers(0, 4_000_000_000), st.integers(0, 86_400 * 40), st.integers(1, 24))
def test_who_answered_later_is_asked_again_no_earlier(start: int, later: int, months: int) -> None:
    assert add_months(start + later, months) >= add_months(start, months) or later < 86_400 * 4
