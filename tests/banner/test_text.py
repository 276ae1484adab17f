"""The words: every language whole, plurals as CLDR has them, the visitor's language chosen and never an error."""

from __future__ import annotations

import json
import re
import unicodedata
from importlib.resources import files
from typing import Any

import pytest
from babel import Locale
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.banner.look import Look
from consent.banner.text import LANGUAGES, Words, keys, negotiate, plural_form
from consent.policy.policy import BUILT_IN_PURPOSES, Cookie, Policy, Purpose

LOCALE = files("consent.banner").joinpath("locale")
TEXTS: dict[str, dict[str, Any]] = {
    language: json.loads(LOCALE.joinpath(f"{language}.json").read_text("utf-8")) for language in LANGUAGES
}
ENGLISH = TEXTS["en"]
POLICY = Policy.of([Purpose(name) for name in BUILT_IN_PURPOSES], version="1")

every_language = pytest.mark.parametrize("language", LANGUAGES)


def words(language: str, **own: dict[str, str]) -> Words:
    return Words(Look(POLICY, texts=own), language)


def leaves(texts: dict[str, Any]) -> dict[str, str]:
    """Every text by its key, plural forms too."""
    found: dict[str, str] = {}
    for key, text in texts.items():
        found.update({f"{key}.{form}": one for form, one in text.items()} if isinstance(text, dict) else {key: text})
    return found


def test_there_is_a_file_for_each_language_and_no_other() -> None:
    assert {entry.name for entry in LOCALE.iterdir()} == {f"{language}.json" for language in LANGUAGES}


@every_language
def test_a_language_has_every_text_and_no_other(language: str) -> None:
    texts = TEXTS[language]
    assert texts.keys() == ENGLISH.keys()
    assert {key for key, text in texts.items() if isinstance(text, dict)} == {
        key for key, text in ENGLISH.items() if isinstance(text, dict)
    }
    assert keys() == ENGLISH.keys() - {"dir"}
    assert {f"purpose.{name}.{part}" for name in BUILT_IN_PURPOSES for part in ("title", "text")} <= keys()


@every_language
def test_no_text_is_empty_or_has_blanks_at_its_ends_or_markup(language: str) -> None:
    for key, text in leaves(TEXTS[language]).items():
        assert isinstance(text, str)
        assert text.strip(), key
        assert text == text.strip() or key == "comma", key
        assert not re.search(r"[<>&\n\t]|  ", text), key
        assert text == unicodedata.normalize("NFC", text), key


@every_language
def test_a_text_has_the_same_places_to_fill_in(language: str) -> None:
    def places(text: str) -> set[str]:
        return set(re.findall(r"\{(.*?)\}", text))

    for key, text in TEXTS[language].items():
        if isinstance(text, dict):
            # A form that stands for one number alone may say it in a word: "one day", "two days".
            assert all(places(form) <= {"count"} for form in text.values()), key
            assert all(places(form) == {"count"} for name, form in text.items() if name in {"few", "many", "other"}), (
                key
            )
        else:
            assert places(text) == places(ENGLISH[key]), key
            assert text != ENGLISH[key] or language == "en" or len(text) < 12, f"{key} is not translated"


@every_language
def test_plural_forms_are_those_of_cldr(language: str) -> None:
    """Below a million; above it, French and Spanish have a form for millions, which no cookie lives for."""
    oracle = Locale.parse(language).plural_form
    numbers = [*range(1200), 10_950, 100_001, 999_999]
    assert [plural_form(language, number) for number in numbers] == [oracle(number) for number in numbers]
    forms = {oracle(number) for number in numbers}
    for key, text in TEXTS[language].items():
        if isinstance(text, dict):
            assert set(text) == forms, key


@every_language
def test_a_language_runs_as_its_script_does(language: str) -> None:
    direction = {"left-to-right": "ltr", "right-to-left": "rtl"}[Locale.parse(language).character_order]
    assert words(language).direction == direction


def test_french_has_its_spaces_and_apostrophes() -> None:
    for key, text in leaves(TEXTS["fr"]).items():
        assert not re.search(r"(?<![\u00a0\u202f])[:;!?»]|'", text), key


# The visitor's language


@pytest.mark.parametrize(
    ("wishes", "header", "language"),
    [
        ((), None, "en"),
        ((), "", "en"),
        ((), "fr", "fr"),
        ((), "FR-ca", "fr"),
        ((), "de-DE,de;q=0.9,en;q=0.8", "de"),
        ((), "en;q=0.2, de;q=0.3, fr;q=0.25", "de"),
        ((), "es;q=0.5,fr;q=0.5", "es"),
        ((), "nl, pt;q=0.9, ar-EG;q=0.1", "ar"),
        ((), "nl", "en"),
        ((), "*", "en"),
        ((), "de;q=0", "en"),
        ((), "de;q=0, fr;q=0.1", "fr"),
        ((), "de;q=1.1, fr;q=0.1", "fr"),
        ((), "de;q=-1, fr;q=0.1", "fr"),
        ((), "de;q=nan, fr;q=0.1", "fr"),
        ((), "de;q=inf, fr;q=0.1", "fr"),
        ((), "de;q=x, fr;q=0.1", "fr"),
        ((), "de;q=, fr;q=0.1", "fr"),
        ((), "de ; Q = 0.1 , fr ; q=0.2", "fr"),
        ((), "german, deu, de_AT", "de"),
        ((), ",;,;q=1,fr,,", "fr"),
        ((), "x" * 2000 + ",fr", "en"),
        ((None, "fr"), "de", "fr"),
        (("fr-CH", "es"), "de", "fr"),
        (("nl", "es_MX"), "de", "es"),
        (("nl",), "de", "de"),
        (("",), None, "en"),
    ],
)
def test_the_language_is_the_first_wish_that_we_have_else_the_best_of_the_header(
    wishes: tuple[str | None, ...], header: str | None, language: str
) -> None:
    assert negotiate(*wishes, accept_language=header) == language


TAGS = st.sampled_from([*LANGUAGES, "fr-CA", "AR_eg", "nl", "*", "", " ", "\0", "q=1", "é"])
HEADERS = st.lists(
    st.tuples(
        TAGS | st.text(max_size=6), st.sampled_from(["", ";q=0.5", ";q=0", ";q=1e400", ";q=q", ";;", ";q=1;q=0"])
    ).map("".join)
).map(",".join)


@settings(deadline=None)
@given(st.lists(st.none() | TAGS | st.text(max_size=6), max_size=3), st.none() | HEADERS | st.text())
def test_whatever_a_browser_sends_is_answered_in_a_language_that_we_have(
    wishes: list[str | None], header: str | None
) -> None:
    assert negotiate(*wishes, accept_language=header) in LANGUAGES


@settings(deadline=None)
@given(st.permutations([("en", 0.9), ("de", 0.8), ("fr", 0.7), ("nl", 1.0)]))
def test_the_order_in_a_header_counts_only_between_equals(items: list[tuple[str, float]]) -> None:
    assert negotiate(accept_language=", ".join(f"{tag};q={quality}" for tag, quality in items)) == "en"


# Filling in


def test_values_are_filled_in_once_and_unknown_places_stay() -> None:
    own = words("en", en={"ask": "{purposes} by {services}, {nobody} {Purposes} {"})
    assert own("ask", purposes="{services}", services="{purposes}") == "{services} by {purposes}, {nobody} {Purposes} {"


@every_language
def test_a_list_is_joined_as_a_sentence_has_it(language: str) -> None:
    said = words(language)
    comma = TEXTS[language]["comma"]
    assert said.join([]) == ""
    assert said.join(["A"]) == "A"
    assert said.join(iter(["A", "B"])) == TEXTS[language]["and"].format(first="A", last="B")
    assert said.join(["A", "B", "C"]).startswith(f"A{comma}B")
    assert words("en").join(["A", "B", "C"]) == "A, B and C"


@pytest.mark.parametrize(
    ("days", "text"),
    [
        (None, "not stated"),
        (0, "until the browser is closed"),
        (0.0003, "1 minute"),
        (0.0208, "30 minutes"),
        (0.04, "58 minutes"),
        (1 / 24, "1 hour"),
        (0.1667, "4 hours"),
        (0.8333, "20 hours"),
        (1, "1 day"),
        (2, "2 days"),
        (30, "30 days"),
        (59, "59 days"),
        (60, "2 months"),
        (90, "3 months"),
        (183, "6 months"),
        (365, "12 months"),
        (390, "13 months"),
        (548, "18 months"),
        (730, "2 years"),
        (800, "26 months"),
        (1825, "5 years"),
        (3650, "10 years"),
        (10_950, "30 years"),
        (36_500, "100 years"),
    ],
)
def test_a_duration_is_in_the_unit_in_which_people_think_of_it(days: float | None, text: str) -> None:
    assert words("en").duration(Cookie("c", days)) == text


@settings(deadline=None)
@given(st.sampled_from(LANGUAGES), st.none() | st.floats(0, 36_500))
def test_every_duration_can_be_said_in_every_language(language: str, days: float | None) -> None:
    said = words(language).duration(Cookie("c", days))
    assert said
    assert "{" not in said


def test_one_and_two_have_words_of_their_own_in_arabic() -> None:
    said = words("ar")
    assert [said.count("days", number) for number in (1, 2, 3, 11, 100)] == [
        "يوم واحد",
        "يومان",
        "3 أيام",
        "11 يومًا",
        "100 يوم",
    ]
    assert said.count("services", 2) == "خدمتان"


# The site's own words


def test_the_sites_own_words_come_first_those_of_the_language_before_those_of_all() -> None:
    own = {"*": {"title": "All", "accept": "Yes", "services": "{count} helpers"}, "fr": {"title": "Bonjour"}}
    french, german = words("fr", **own), words("de", **own)
    assert (french("title"), french("accept"), french("refuse")) == ("Bonjour", "Yes", "Refuser")
    assert (german("title"), german("accept"), german("refuse")) == ("All", "Yes", "Ablehnen")
    assert french.count("services", 1) == "1 helpers"


def test_an_empty_word_of_the_sites_own_is_ours() -> None:
    assert words("fr", fr={"title": ""})("title") == TEXTS["fr"]["title"]


def test_a_purpose_has_the_sites_words_or_ours() -> None:
    said = words("de")
    assert said.title(Purpose("analytics")) == "Statistik"
    assert said.title(Purpose("analytics", "Zählen")) == "Zählen"
    assert said.text(Purpose("analytics", "Zählen")) == TEXTS["de"]["purpose.analytics.text"]
    assert said.text(Purpose("research", "Forschung", "Was gelesen wird.")) == "Was gelesen wird."
