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
from consent.banner.text import LANGUAGES, Words, find, keys, negotiate, plural_form, spelled
from consent.errors import ConfigurationError
from consent.policy.policy import BUILT_IN_PURPOSES, Cookie, Policy, Purpose

LOCALE = files("consent.banner").joinpath("locale")
#: Each language that has a file. Serbian in Latin letters is made from Serbian.
WRITTEN = tuple(language for language in LANGUAGES if language != "sr-Latn")
TEXTS: dict[str, dict[str, Any]] = {
    language: json.loads(LOCALE.joinpath(f"{language.lower()}.json").read_text("utf-8")) for language in WRITTEN
}
ENGLISH = TEXTS["en"]
POLICY = Policy.of([Purpose(name) for name in BUILT_IN_PURPOSES], version="1")

every_language = pytest.mark.parametrize("language", WRITTEN)


def words(language: str, **own: dict[str, str]) -> Words:
    return Words(Look(POLICY, texts=own), language)


def cldr(language: str) -> Locale:
    """What CLDR knows. Its Portuguese is Brazil's, where none is named."""
    return Locale.parse({"pt": "pt-PT"}.get(language, language), sep="-")


def leaves(texts: dict[str, Any]) -> dict[str, str]:
    """Every text by its key, plural forms too."""
    found: dict[str, str] = {}
    for key, text in texts.items():
        found.update({f"{key}.{form}": one for form, one in text.items()} if isinstance(text, dict) else {key: text})
    return found


def test_there_is_a_file_for_each_language_and_no_other() -> None:
    assert {entry.name for entry in LOCALE.iterdir()} == {f"{language.lower()}.json" for language in WRITTEN}


def test_english_is_the_first_language_and_the_others_are_in_order() -> None:
    assert LANGUAGES[0] == "en"
    assert [*LANGUAGES[1:]] == sorted({*LANGUAGES} - {"en"})


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


def places(text: str) -> set[str]:
    return set(re.findall(r"\{(.*?)\}", text))


@every_language
def test_a_text_has_the_same_places_to_fill_in(language: str) -> None:
    for key, text in TEXTS[language].items():
        if isinstance(text, str):
            assert places(text) == places(ENGLISH[key]), key


#: What is the same in English: borrowed words, and what one language happens to say so.
SAME = {"Cookie", "Marketing", "Service", "Provider", "Analytics", ", ", "ltr"}
SAME_IN = {("fr", "services"), ("fr", "minutes"), ("ro", "accept")}


@every_language
def test_no_text_is_left_in_english(language: str) -> None:
    if language != "en":
        same = {key for key, text in TEXTS[language].items() if text == ENGLISH[key] and str(text) not in SAME}
        assert same <= {key for said, key in SAME_IN if said == language}


@pytest.mark.parametrize("language", LANGUAGES)
def test_plural_forms_are_those_of_cldr(language: str) -> None:
    """Below a million; above it, French and Spanish have a form for millions, which no cookie lives for."""
    oracle = cldr(language).plural_form
    numbers = [*range(1200), 10_950, 100_001, 999_999]
    assert [plural_form(language, number) for number in numbers] == [oracle(number) for number in numbers]


@every_language
def test_a_plural_text_has_each_form_of_its_language_and_its_number_in_it(language: str) -> None:
    """A form that stands for one number alone may say it in a word: "one day", "two days"."""
    forms = [cldr(language).plural_form(number) for number in range(1200)]
    for key, text in TEXTS[language].items():
        if isinstance(text, dict):
            assert set(text) == set(forms), key
            for form, said in text.items():
                assert places(said) <= {"count"}, key
                assert places(said) or forms.count(form) == 1, f"{key}.{form}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_runs_as_its_script_does(language: str) -> None:
    direction = {"left-to-right": "ltr", "right-to-left": "rtl"}[cldr(language).character_order]
    assert words(language).direction == direction


#: Beyond these, cards and tables break on small screens. Chinese, Japanese and Korean need half of it.
LONGEST = {
    **dict.fromkeys(("accept", "refuse", "opt_out", "once", "always", "close"), 28),
    **dict.fromkeys(("accept_all", "refuse_all", "opt_out_all", "save"), 28),
    **dict.fromkeys(("settings", "link", "read_more", "privacy_choices", "back", "receipt", "privacy_policy"), 45),
    **dict.fromkeys(("continue_without", "gpc_title", "always_on", "connects", "own_cookie"), 45),
    **dict.fromkeys((f"purpose.{name}.title" for name in BUILT_IN_PURPOSES), 30),
    **dict.fromkeys(("service", "provider", "purpose", "cookie", "duration"), 30),
    "storage": 40,
}


@every_language
def test_no_text_breaks_the_layout(language: str) -> None:
    for key, text in TEXTS[language].items():
        if isinstance(text, str):
            # Of sentences, half more than English, and a line.
            assert len(text) <= LONGEST.get(key, len(ENGLISH[key]) * 1.5 + 25), f"{key}: {len(text)}"


@every_language
def test_a_sentence_ends_as_one_and_a_label_does_not(language: str) -> None:
    for key, text in TEXTS[language].items():
        if isinstance(text, str) and key != "comma":
            assert text.endswith((".", "。", "।")) == ENGLISH[key].endswith("."), key


@every_language
def test_quotes_and_apostrophes_are_those_of_print(language: str) -> None:
    for key, text in leaves(TEXTS[language]).items():
        assert '"' not in text, key
        assert "'" not in text or language == "en", key


#: How a friend is addressed, where these texts say you as to a stranger.
INFORMAL = {
    "bg": "ти|теб|твоя|твоят|твоето|твоите|твой",
    "cs": "tě|tebe|tobě|tvůj|tvoje|tvé|tvá",
    "de": "du|dir|dich|dein|deine|deinen|deinem|deiner|deines",
    "el": "εσύ|εσένα|σου",
    "es": "tú|tu|tus|te|ti|contigo",
    "fr": "tu|te|toi|ton|ta|tes",
    "hr": "tebe|tebi|tvoj|tvoje|tvoju|tvoja",
    "nl": "je|jij|jou|jouw",
    "ru": "ты|тебя|тебе|твой|твоя|твоё|твои|твоего",
    "sk": "ťa|teba|tebe|tvoj|tvoje|tvoju",
    "sl": "tebe|tvoj|tvoja|tvoje|tvojo",
    "sr": "тебе|твој|твоје|твоја|твоју",
    "uk": "ти|тебе|тобі|твій|твоя|твоє|твої",
}


@pytest.mark.parametrize("language", [language for language in INFORMAL if language in LANGUAGES])
def test_a_stranger_is_addressed_as_one(language: str) -> None:
    familiar = re.compile(rf"\b(?:{INFORMAL[language]})\b", re.IGNORECASE)
    for key, text in leaves(TEXTS[language]).items():
        assert not familiar.search(text), key


#: The scripts of whom does not write in Latin letters.
SCRIPTS = {
    **dict.fromkeys(("ar", "fa"), "ARABIC"),
    **dict.fromkeys(("bg", "ru", "sr", "uk"), "CYRILLIC"),
    **dict.fromkeys(("zh", "zh-Hant"), "CJK"),
    "el": "GREEK",
    "he": "HEBREW",
    "hi": "DEVANAGARI",
    "ja": "CJK HIRAGANA KATAKANA KATAKANA-HIRAGANA",
    "ko": "HANGUL",
}
#: Names that are not spelled in another script.
NAMES = {"Global", "Privacy", "Control", "Cookie", "Cookies", "cookie", "cookies"}


@every_language
def test_letters_are_of_the_languages_script(language: str) -> None:
    """A Latin "o" within a Cyrillic word looks right, and is read out wrongly and never found."""
    own = {*SCRIPTS.get(language, "LATIN").split()}
    for key, text in leaves(TEXTS[language]).items():
        if key == "dir":
            continue
        for word in re.findall(r"[^\W\d_]+", re.sub(r"\{.*?\}", " ", text)):
            if word in NAMES:
                continue
            # A word of ours may stand right beside one of Latin letters, where no spaces are written.
            letters = re.sub("|".join(NAMES), "", word) if own & {"CJK", "HIRAGANA", "HANGUL"} else word
            scripts = {unicodedata.name(letter).split()[0] for letter in letters}
            assert scripts <= own, f"{key}: {word}"


@every_language
def test_nothing_that_is_not_seen_stands_in_a_text(language: str) -> None:
    for key, text in leaves(TEXTS[language]).items():
        unseen = {character for character in text if unicodedata.category(character) in {"Cf", "Cc", "Co", "Cn"}}
        assert unseen <= ({"\u200c"} if language == "fa" else set()), key  # Persian parts words' ends with it


def test_serbian_is_there_in_latin_letters_too() -> None:
    cyrillic, latin = words("sr"), words("sr-Latn")
    for key, text in TEXTS["sr"].items():
        if isinstance(text, str):
            assert places(latin(key)) == places(text)
            assert not re.search("[\u0400-\u04ff]", latin(key)), key
    assert cyrillic("purpose.necessary.title") == "Неопходни"
    assert latin("purpose.necessary.title") == "Neophodni"
    assert latin.direction == "ltr"


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
        ((), "tlh, la;q=0.9, ar-EG;q=0.1", "ar"),
        ((), "tlh", "en"),
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
        (("tlh", "es_MX"), "de", "es"),
        (("tlh",), "de", "de"),
        (("",), None, "en"),
        (("-",), "de", "de"),
        (("fr-" * 50,), None, "fr"),
    ],
)
def test_the_language_is_the_first_wish_that_we_have_else_the_best_of_the_header(
    wishes: tuple[str | None, ...], header: str | None, language: str
) -> None:
    assert negotiate(*wishes, accept_language=header) == language


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ("pt", "pt"), ("pt-PT", "pt"), ("pt-AO", "pt"), ("pt-BR", "pt-BR"), ("pt_br", "pt-BR"), ("PT-BR-abl1943", "pt-BR"),
        ("zh", "zh"), ("zh-CN", "zh"), ("zh-SG", "zh"), ("zh-Hans", "zh"), ("zh-Hans-HK", "zh"), ("zh-Hans-TW", "zh"),
        ("zh-TW", "zh-Hant"), ("zh-HK", "zh-Hant"), ("zh-MO", "zh-Hant"), ("zh-Hant", "zh-Hant"), ("zh_Hant_HK", "zh-Hant"),
        ("yue-HK", "zh-Hant"),
        ("nb-NO", "nb"), ("no", "nb"), ("no-NO", "nb"), ("nn", "nb"), ("nn-NO", "nb"),
        ("he-IL", "he"), ("iw", "he"), ("id", "id"), ("in", "id"), ("in-ID", "id"), ("ro-MD", "ro"), ("mo", "ro"),
        ("sr", "sr"), ("sr-RS", "sr"), ("sr-Cyrl-BA", "sr"), ("sr-Latn-RS", "sr-Latn"), ("sr-ME", "sr-Latn"),
        ("sh", "sr-Latn"), ("cnr", "sr-Latn"), ("bs", "hr"), ("bs-Latn-BA", "hr"), ("bs-Cyrl", "sr"), ("hr-BA", "hr"),
        ("fa-AF", "fa"), ("prs", "fa"), ("es-419", "es"), ("en-GB", "en"), ("ca-valencia", "ca"),
        ("fil", None), ("fi-FI", "fi"), ("", None), ("-", None), ("*", None), ("x-klingon", None),
    ],
)  # fmt: skip
def test_who_asks_for_a_language_is_served_by_the_nearest_that_we_have(asked: str, language: str | None) -> None:
    assert find(asked) == language


def test_a_language_is_found_by_its_own_name_however_that_is_spelled() -> None:
    for language in LANGUAGES:
        assert spelled(language) == spelled(language.lower()) == spelled(language.replace("-", "_")) == language
        assert find(f"{language}-x-own") == language
    assert spelled("fr-CA") is None


TAGS = st.sampled_from([*LANGUAGES, "fr-CA", "AR_eg", "tlh", "*", "", " ", "\0", "q=1", "é"])
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
@given(st.permutations([("en", 0.9), ("de", 0.8), ("fr", 0.7), ("tlh", 1.0)]))
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


def test_the_sites_own_words_are_of_a_language_however_that_is_spelled() -> None:
    for tag in ("pt-br", "pt-BR", "PT_BR"):
        own = {tag: {"title": "Oi"}, "pt": {"title": "Olá"}}
        assert (words("pt-BR", **own)("title"), words("pt", **own)("title")) == ("Oi", "Olá")


@pytest.mark.parametrize(
    ("own", "nearest"),
    [
        ({"zh-hand": {"title": "x"}}, "zh-Hant"),
        ({"pt-bx": {"title": "x"}}, "pt-BR"),
        ({"sr-latin": {"title": "x"}}, "sr-Latn"),
        ({"pt-br": {"acept": "x"}}, "accept"),
        ({"zh-hant": {"opt_out_al": "x"}}, "opt_out_all"),
    ],
)
def test_words_that_no_text_or_language_has_are_an_error_that_names_the_nearest(
    own: dict[str, dict[str, str]], nearest: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        words("en", **own)
    assert caught.value.nearest == nearest


@pytest.mark.parametrize("language", ["pt-BR", "pt_br", "zh-TW", "no", "sr-Latn-RS", "de-AT"])
def test_a_fixed_language_may_be_any_that_one_of_ours_serves(language: str) -> None:
    assert Look(POLICY, language=language).language == language


def test_a_fixed_language_that_none_of_ours_serves_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match=r"language: there are no words in this language; got 'tlh'"):
        Look(POLICY, language="tlh")


def test_an_empty_word_of_the_sites_own_is_ours() -> None:
    assert words("fr", fr={"title": ""})("title") == TEXTS["fr"]["title"]


def test_a_purpose_has_the_sites_words_or_ours() -> None:
    said = words("de")
    assert said.title(Purpose("analytics")) == "Statistik"
    assert said.title(Purpose("analytics", "Zählen")) == "Zählen"
    assert said.text(Purpose("analytics", "Zählen")) == TEXTS["de"]["purpose.analytics.text"]
    assert said.text(Purpose("research", "Forschung", "Was gelesen wird.")) == "Was gelesen wird."
