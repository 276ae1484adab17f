"""Every mistake in the settings is one clear error: where, what, what is known, what may have been meant."""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.errors import ConfigurationError
from consent.policy.settings import Settings, read_settings, read_toml

KEY = "f3qH-0tXz9vLm2Ws8Kd1"
OWN = {"purposes": ["analytics"], "hosts": ["stats.example.org"]}


class Wrong(NamedTuple):
    """A mistake, and what its error says."""

    settings: Any
    path: str
    message: str
    value: object = None
    nearest: str | None = None
    known: str | None = None


def service(**entry: Any) -> dict[str, Any]:
    return {"services": {"study": {**OWN, **entry}}}


def cookie(**entry: Any) -> dict[str, Any]:
    return service(cookies=[entry])


MISTAKES = {
    # The mapping itself
    "no mapping": Wrong([("services", [])], "CONSENT", "must be a table"),
    "a spool on no path": Wrong({"spool": "consent.spool"}, "CONSENT.spool", "must be the path", "consent.spool"),
    "receipts on no path": Wrong({"receipts": "a.jsonl"}, "CONSENT.receipts", "must be the path", "a.jsonl"),
    "a spool that holds what": Wrong({"spool_holds": "some"}, "CONSENT.spool_holds", "not one of", "some"),
    "a negative limit": Wrong({"decisions_per_minute": -1}, "CONSENT.decisions_per_minute", "from 0 to"),
    "an address from nowhere": Wrong({"address": "X-Real-IP"}, "CONSENT.address", "must be", "X-Real-IP"),
    "an address from the far end": Wrong({"address": "header:X:0"}, "CONSENT.address", "must be", "header:X:0"),
    "nothing at all": Wrong(None, "CONSENT", "must be a table"),
    "a key that is no text": Wrong({1: "x"}, "CONSENT", "must be a text", 1),
    "a misspelt setting": Wrong({"privacy-ulr": "/p"}, "CONSENT", "unknown setting", "privacy-ulr", "privacy_url", "services"),
    "a setting in capitals": Wrong({"REGIME": "eu"}, "CONSENT", "unknown setting", "REGIME", "regime"),
    "a hyphen for an underscore": Wrong({"cookie-name": "c"}, "CONSENT", "unknown setting", "cookie-name", "cookie_name"),
    # policy
    "a version that is a number": Wrong({"policy": 2026}, "CONSENT.policy", "must be a text", 2026),
    "a version that is a date": Wrong({"policy": date(2026, 11, 1)}, "CONSENT.policy", "must be a text", date(2026, 11, 1)),
    "a version that is too long": Wrong({"policy": "x" * 65}, "CONSENT.policy", "at most 64", "x" * 65),
    "a version with a line's end": Wrong({"policy": "1\n"}, "CONSENT.policy", "printable", "1\n"),
    # services
    "services as a text": Wrong({"services": "youtube"}, "CONSENT.services", "a list of names, or a table", "youtube"),
    "services as a number": Wrong({"services": 5}, "CONSENT.services", "must be a table", 5),
    "services as a list of tables": Wrong({"services": [{}]}, "CONSENT.services", "must be a list of texts", [{}]),
    "a service's name that is no text": Wrong({"services": {1: {}}}, "CONSENT.services", "must be a text", 1),
    "a misspelt service": Wrong({"services": ["youtub"]}, "CONSENT.services", "unknown service", "youtub", "youtube", "vimeo"),
    "a misspelt service in a table": Wrong({"services": {"google_analytics": True}}, "CONSENT.services", "unknown service", "google_analytics", "google-analytics"),
    "a misspelt service with a purpose": Wrong({"services": {"you-tube": {"purposes": ["marketing"]}}}, "CONSENT.services", "one of the site's own needs", "you-tube", "youtube"),
    "a service switched off": Wrong({"services": {"youtube": False}}, "CONSENT.services.youtube", "must be a table", False),
    "a service that is nothing": Wrong({"services": {"youtube": None}}, "CONSENT.services.youtube", "must be a table"),
    "a service as a list": Wrong({"services": {"youtube": []}}, "CONSENT.services.youtube", "must be a table", []),
    "an own service without purposes": Wrong({"services": {"study": {"hosts": ["a.example"]}}}, "CONSENT.services", "needs purposes", "study"),
    "an own service without anything to hold": Wrong({"services": {"study": {"purposes": ["analytics"], "hosts": []}}}, "CONSENT.services", "needs purposes, and hosts", "study"),
    "an own service's name with capitals": Wrong({"services": {"My Study": OWN}}, "CONSENT.services", "lower-case letters", "My Study"),
    "a misspelt setting of a service": Wrong({"services": {"study": {"purposes": ["analytics"], "host": ["a.example"]}}}, "CONSENT.services.study", "unknown setting", "host", "hosts", "snippets"),
    "a misspelt setting of a known service": Wrong({"services": {"matomo": {"cookie": []}}}, "CONSENT.services.matomo", "unknown setting", "cookie", "cookies"),
    # services.*
    "a title that is no text": Wrong(service(title=5), "CONSENT.services.study.title", "must be a text", 5),
    "a title with a null": Wrong(service(title="a\0"), "CONSENT.services.study.title", "printable", "a\0"),
    "a title that is too long": Wrong(service(title="t" * 121), "CONSENT.services.study.title", "at most 120", "t" * 121),
    "a provider that is no text": Wrong(service(provider=["x"]), "CONSENT.services.study.provider", "must be a text", ["x"]),
    "purposes as a text": Wrong(service(purposes="analytics"), "CONSENT.services.study.purposes", "must be a list of texts", "analytics"),
    "a purpose that is no text": Wrong(service(purposes=[1]), "CONSENT.services.study.purposes", "must be a list of texts", [1]),
    "no purpose": Wrong(service(purposes=[]), "CONSENT.services.study.purposes", "at least one purpose"),
    "a misspelt purpose": Wrong(service(purposes=["analitycs"]), "CONSENT.services.study.purposes", "unknown purpose", "analitycs", "analytics", "marketing"),
    "a purpose of a known service": Wrong({"services": {"youtube": {"purposes": ["video"]}}}, "CONSENT.services.youtube.purposes", "unknown purpose", "video", None, "preferences"),
    "an own purpose misspelt": Wrong({"purposes": {"research": {"title": "R", "text": "T"}}, **service(purposes=["reserch"])}, "CONSENT.services.study.purposes", "unknown purpose", "reserch", "research"),
    "hosts as a text": Wrong(service(hosts="a.example"), "CONSENT.services.study.hosts", "must be a list of texts", "a.example"),
    "a host with a scheme": Wrong(service(hosts=["https://a.example/p/"]), "CONSENT.services.study.hosts", "write 'a.example/p'", "https://a.example/p/"),
    "a host that is nothing": Wrong(service(hosts=["", "a.example"]), "CONSENT.services.study.hosts", "more than a slash", ""),
    "a host with a space": Wrong(service(hosts=["a .example"]), "CONSENT.services.study.hosts", "no spaces", "a .example"),
    "a host that is every host": Wrong(service(hosts=["*"]), "CONSENT.services.study.hosts", "must say more", "*"),
    "a host that is every .com": Wrong(service(hosts=["*.com"]), "CONSENT.services.study.hosts", "a star stands once", "*.com"),
    "snippets as a text": Wrong(service(snippets="fbq("), "CONSENT.services.study.snippets", "must be a list of texts", "fbq("),
    "a snippet that is found everywhere": Wrong(service(snippets=["; "]), "CONSENT.services.study.snippets", "less than three", "; "),
    "cookies as a text": Wrong(service(cookies="_ga"), "CONSENT.services.study.cookies", "list of names or tables", "_ga"),
    "a cookie that is a number": Wrong(service(cookies=["_ok", 5]), "CONSENT.services.study.cookies.1", "must be a table", 5),
    "a cookie that is every cookie": Wrong(service(cookies=["**"]), "CONSENT.services.study.cookies.0", "more than a star", "**"),
    "a cookie with a space": Wrong(service(cookies=["a b"]), "CONSENT.services.study.cookies.0", "letters, digits", "a b"),
    "a cookie without a name": Wrong(cookie(days=3), "CONSENT.services.study.cookies.0.name", "letters, digits", ""),
    "a cookie whose name is no text": Wrong(cookie(name=5), "CONSENT.services.study.cookies.0.name", "must be a text", 5),
    "a cookie whose name is too long": Wrong(cookie(name="n" * 65), "CONSENT.services.study.cookies.0.name", "up to 64", "n" * 65),
    "days as a text": Wrong(cookie(name="a", days="30"), "CONSENT.services.study.cookies.0.days", "must be a number", "30"),
    "days that are true": Wrong(cookie(name="a", days=True), "CONSENT.services.study.cookies.0.days", "must be a number", True),
    "days below nothing": Wrong(cookie(name="a", days=-1), "CONSENT.services.study.cookies.0.days", "from 0 to 36500", -1),
    "days without an end": Wrong(cookie(name="a", days=math.inf), "CONSENT.services.study.cookies.0.days", "from 0 to 36500", math.inf),
    "a party as a text": Wrong(cookie(name="a", third_party="yes"), "CONSENT.services.study.cookies.0.third_party", "true or false", "yes"),
    "a misspelt setting of a cookie": Wrong(cookie(name="a", day=3), "CONSENT.services.study.cookies.0", "unknown setting", "day", "days"),
    "storage as a text": Wrong(service(storage="k"), "CONSENT.services.study.storage", "must be a list of texts", "k"),
    "a storage key that is every key": Wrong(service(storage=["*"]), "CONSENT.services.study.storage", "more than a star", "*"),
    "a storage key that cannot be shown": Wrong(service(storage=["\ud800"]), "CONSENT.services.study.storage", "printable", "\ud800"),
    "a service's policy that is script": Wrong(service(privacy_url="javascript:x()"), "CONSENT.services.study.privacy_url", "a path of this site or an http", "javascript:x()"),
    # purposes
    "purposes as a list": Wrong({"purposes": ["analytics"]}, "CONSENT.purposes", "must be a table", ["analytics"]),
    "a purpose as a text": Wrong({"purposes": {"research": "Research"}}, "CONSENT.purposes.research", "must be a table", "Research"),
    "a purpose's name with capitals": Wrong({"purposes": {"Research": {"title": "R", "text": "T"}}}, "CONSENT.purposes", "lower-case letters", "Research"),
    "a purpose's name that is too long": Wrong({"purposes": {"r" * 33: {"title": "R", "text": "T"}}}, "CONSENT.purposes", "lower-case letters", "r" * 33),
    "an own purpose without words": Wrong({"purposes": {"marketting": True}}, "CONSENT.purposes", "needs a title and a text", "marketting", "marketing"),
    "an own purpose of blanks": Wrong({"purposes": {"research": {"title": " ", "text": "T"}}}, "CONSENT.purposes", "needs a title and a text", "research"),
    "a misspelt setting of a purpose": Wrong({"purposes": {"research": {"titel": "R", "text": "T"}}}, "CONSENT.purposes.research", "unknown setting", "titel", "title"),
    "a purpose's title that is no text": Wrong({"purposes": {"research": {"title": 1}}}, "CONSENT.purposes.research.title", "must be a text", 1),
    "a purpose's text that is too long": Wrong({"purposes": {"analytics": {"text": "t" * 1001}}}, "CONSENT.purposes.analytics.text", "at most 1000", "t" * 1001),
    # undeclared
    "undeclared as a truth": Wrong({"undeclared": True}, "CONSENT.undeclared", "not one of", True, None, "allow"),
    "undeclared misspelt": Wrong({"undeclared": "holds"}, "CONSENT.undeclared", "not one of", "holds", "hold"),
    # regime, region, wording
    "a misspelt regime": Wrong({"regime": "opt_in"}, "CONSENT.regime", "unknown regime", "opt_in", "opt-in", "us-ca"),
    "a regime in capitals": Wrong({"regime": "US-CA"}, "CONSENT.regime", "unknown regime", "US-CA", "us-ca", "auto"),
    "a regime that is a number": Wrong({"regime": 6}, "CONSENT.regime", "the name of a regime, or a table", 6, None, "eu"),
    "a regime and a region": Wrong({"regime": "eu", "region": "fixed:FR"}, "CONSENT.regime", "leave one of the two out", "eu"),
    "an own regime's model": Wrong({"regime": {"model": "optin"}}, "CONSENT.regime.model", "not one of", "optin", "opt-in", "notice"),
    "an own regime's months": Wrong({"regime": {"months": 25}}, "CONSENT.regime.months", "from 1 to 24", 25),
    "an own regime's no months": Wrong({"regime": {"months": 0}}, "CONSENT.regime.months", "from 1 to 24", 0),
    "an own regime's half months": Wrong({"regime": {"months": 6.5}}, "CONSENT.regime.months", "a whole number", 6.5),
    "an own regime's months that are no number": Wrong({"regime": {"months": math.nan}}, "CONSENT.regime.months", "from 1 to 24"),
    "an own regime's signals": Wrong({"regime": {"signals": ["dnt"]}}, "CONSENT.regime.signals", "unknown signal", "dnt", None, "gpc"),
    "an own regime's signals as a text": Wrong({"regime": {"signals": "gpc"}}, "CONSENT.regime.signals", "must be a list", "gpc"),
    "an own regime's name": Wrong({"regime": {"name": "n" * 33}}, "CONSENT.regime.name", "at most 32", "n" * 33),
    "an own regime's link": Wrong({"regime": {"privacy_choices": 1}}, "CONSENT.regime.privacy_choices", "true or false", 1),
    "a misspelt setting of a regime": Wrong({"regime": {"month": 6}}, "CONSENT.regime", "unknown setting", "month", "months"),
    "a region without a kind": Wrong({"region": "FR"}, "CONSENT.region", 'must be "header:NAME", "geoip:/PATH"', "FR"),
    "a region by no header": Wrong({"region": "header:"}, "CONSENT.region", "an ISO 3166 code", "header:"),
    "a region by a header with a space": Wrong({"region": "header:X Y"}, "CONSENT.region", "an ISO 3166 code", "header:X Y"),
    "a region that is no code": Wrong({"region": "fixed:France"}, "CONSENT.region", "an ISO 3166 code", "fixed:France"),
    "a region that is a number": Wrong({"region": 33}, "CONSENT.region", "or a function", 33),
    "wording misspelt": Wrong({"wording": "assumed"}, "CONSENT.wording", "not one of", "assumed", "assume", "ask"),
    # cache
    "an unknown cache": Wrong({"cache": "public"}, "CONSENT.cache", "is not one of the known values", "public", None, "shared"),
    "pages of everybody with a policy of one's own": Wrong({"cache": "shared", "wall": "csp"}, "CONSENT.cache", "what one agreed to", "shared"),
    # strict
    "strictness as a word": Wrong({"strict": "yes"}, "CONSENT.strict", "must be true or false", "yes"),
    "strict, and yet not": Wrong({"strict": True, "undeclared": "allow"}, "CONSENT.strict", "leave one of the two out", True),
    "wording assumed by default": Wrong({"wording": "assume"}, "CONSENT.wording", "the regime 'strict' asks for it first", "assume", None, "auto"),
    "wording assumed under opt-in": Wrong({"wording": "assume", "regime": "fr"}, "CONSENT.wording", r"the regime 'fr' asks for it first: it is an act of the visitor \(GDPR", "assume"),
    "wording assumed under an own opt-in": Wrong({"wording": "assume", "regime": {"name": "mine"}}, "CONSENT.wording", "the regime 'mine' asks", "assume"),
    "wording assumed where the region decides": Wrong({"wording": "assume", "region": "header:CF-IPCountry"}, "CONSENT.wording", "a visitor's region may ask", "assume"),
    "wording assumed where the region is fixed": Wrong({"wording": "assume", "region": "fixed:US-TX"}, "CONSENT.wording", "a visitor's region may ask", "assume"),
    # consent_mode
    "a consent mode as a text": Wrong({"consent_mode": "advanced"}, "CONSENT.consent_mode", "must be a table", "advanced"),
    "a consent mode misspelt": Wrong({"consent_mode": {"mode": "advansed"}}, "CONSENT.consent_mode.mode", "not one of", "advansed", "advanced", "basic"),
    "a wait as a text": Wrong({"consent_mode": {"wait_for_update": "500"}}, "CONSENT.consent_mode.wait_for_update", "must be a number", "500"),
    "a wait that is too long": Wrong({"consent_mode": {"wait_for_update": 10_001}}, "CONSENT.consent_mode.wait_for_update", "from 0 to 10000", 10_001),
    "half a millisecond": Wrong({"consent_mode": {"wait_for_update": 0.5}}, "CONSENT.consent_mode.wait_for_update", "a whole number", 0.5),
    "a redaction as a number": Wrong({"consent_mode": {"ads_data_redaction": 1}}, "CONSENT.consent_mode.ads_data_redaction", "true or false", 1),
    "a passthrough as a text": Wrong({"consent_mode": {"url_passthrough": "no"}}, "CONSENT.consent_mode.url_passthrough", "true or false", "no"),
    "a misspelt setting of a consent mode": Wrong({"consent_mode": {"wait": 5}}, "CONSENT.consent_mode", "unknown setting", "wait", None, "wait_for_update"),
    # The rest
    "a privacy page that is no address": Wrong({"privacy_url": "privacy"}, "CONSENT.privacy_url", "a path of this site or an http", "privacy"),
    "a privacy page on any host": Wrong({"privacy_url": "//evil.example"}, "CONSENT.privacy_url", "a path of this site", "//evil.example"),
    "a privacy page with a backslash": Wrong({"privacy_url": "/\\evil.example"}, "CONSENT.privacy_url", "a path of this site", "/\\evil.example"),
    "a privacy page with a tag": Wrong({"privacy_url": "/p<b>"}, "CONSENT.privacy_url", "a path of this site", "/p<b>"),
    "a privacy page that is no text": Wrong({"privacy_url": b"/p"}, "CONSENT.privacy_url", "must be a text", b"/p"),
    "a prefix of everything": Wrong({"prefix": "/"}, "CONSENT.prefix", "a path such as", "/"),
    "a prefix without a slash": Wrong({"prefix": "consent"}, "CONSENT.prefix", "a path such as", "consent"),
    "a prefix that goes up": Wrong({"prefix": "/a/../b"}, "CONSENT.prefix", "a path such as", "/a/../b"),
    "a prefix with a query": Wrong({"prefix": "/a?b"}, "CONSENT.prefix", "a path such as", "/a?b"),
    "a log that is a path": Wrong({"log": "consent.db"}, "CONSENT.log", "an address such as sqlite:///consent.db"),
    "a log that is a number": Wrong({"log": 5}, "CONSENT.log", "an address such as"),
    "wall misspelt": Wrong({"wall": "cps"}, "CONSENT.wall", "not one of", "cps", "csp"),
    "wall as a truth": Wrong({"wall": True}, "CONSENT.wall", "not one of", True, None, "guard"),
    "placement misspelt": Wrong({"placement": "manuel"}, "CONSENT.placement", "not one of", "manuel", "manual"),
    "layout misspelt": Wrong({"layout": "model"}, "CONSENT.layout", "not one of", "model", "modal"),
    "theme misspelt": Wrong({"theme": "quite"}, "CONSENT.theme", "not one of", "quite", "quiet"),
    "a cross that is a word": Wrong({"close_button": "yes"}, "CONSENT.close_button", "true or false", "yes"),
    "a kind misspelt": Wrong(
        {"services": {"youtube": {"kind": "vidio"}}}, "CONSENT.services.youtube.kind", "not one of", "vidio", "video"
    ),
    "a language that is none": Wrong({"language": "french language"}, "CONSENT.language", "a language tag", "french language"),
    "a language that is a list": Wrong({"language": ["fr"]}, "CONSENT.language", "must be a text", ["fr"]),
    "texts as a list": Wrong({"texts": []}, "CONSENT.texts", "must be a table", []),
    "texts of one language as a text": Wrong({"texts": {"fr": "x"}}, "CONSENT.texts.fr", "must be a table", "x"),
    "texts in no language": Wrong({"texts": {"f r": {}}}, "CONSENT.texts", "a language tag", "f r"),
    "a text that is no text": Wrong({"texts": {"*": {"title": 5}}}, "CONSENT.texts.*.title", "must be a text", 5),
    "a text with a line's end": Wrong({"texts": {"*": {"title": "a\nb"}}}, "CONSENT.texts.*.title", "printable", "a\nb"),
    "a cookie's name with a space": Wrong({"cookie_name": "my consent"}, "CONSENT.cookie_name", "a plain cookie name", "my consent"),
    "a cookie's name with a prefix": Wrong({"cookie_name": "__host-consent"}, "CONSENT.cookie_name", "added on HTTPS", "__host-consent"),
    "a cookie's name that is nothing": Wrong({"cookie_name": ""}, "CONSENT.cookie_name", "a plain cookie name", ""),
}  # fmt: skip


@pytest.mark.parametrize("wrong", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_with_its_place_its_value_and_what_was_meant(wrong: Wrong) -> None:
    with pytest.raises(ConfigurationError, match=wrong.message) as caught:
        read_settings(wrong.settings, keys=KEY)
    error = caught.value
    assert ".".join(error.path) == wrong.path
    assert str(error).startswith(f"{wrong.path}: ")
    if wrong.value is not None:
        assert error.value == wrong.value
        assert "got " in str(error)
    assert error.nearest == wrong.nearest
    if wrong.nearest:
        assert f"did you mean {wrong.nearest!r}?" in str(error)
    if wrong.known:
        assert wrong.known in error.known


def test_errors_name_the_mapping_as_its_reader_knows_it() -> None:
    with pytest.raises(ConfigurationError, match=r"^consent\.toml\.regime: "):
        read_settings({"regime": "x"}, keys=KEY, where="consent.toml")


def test_none_reads_as_left_out() -> None:
    """A Python mapping built from the environment has ``None`` where nothing was set."""
    names = (
        "policy", "services", "purposes", "undeclared", "regime", "region", "wording", "privacy_url", "prefix", "log",
        "placement", "wall", "language", "texts", "cookie_name", "secret_key",
    )  # fmt: skip
    assert read_settings(dict.fromkeys(names), keys=KEY) == read_settings({}, keys=KEY)
    inner = dict.fromkeys(("title", "provider", "purposes", "hosts", "snippets", "cookies", "storage", "privacy_url"))
    assert read_settings({"services": {"youtube": inner}}, keys=KEY) == read_settings(
        {"services": ["youtube"]}, keys=KEY
    )


# Keys


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (None, "there is no key to sign with"),
        ("", "at least 16 bytes"),
        ([], "there is no key to sign with"),
        ("short", "at least 16 bytes"),
        (b"x" * 15, "at least 16 bytes"),
        ([KEY, "tooshort"], "at least 16 bytes"),
        ("a" * 40, "can be guessed"),
        ("secret-key-1234567", "can be guessed"),
        ("changemechangeme", "can be guessed"),
        ("this is my secret key", "can be guessed"),
        ("insecure_dev_key_000", "can be guessed"),
        ("01234567890123456789", "can be guessed"),
        (b'_5#y2L"F4Q8z\n\xec]/', "can be guessed"),
        ("192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf", "can be guessed"),
        (5, "must be a key, or a list of keys"),
        ({"key": KEY}, "must be a key, or a list of keys"),
        ([5], "must be a text or bytes"),
        ([None], "must be a text or bytes"),
    ],
)
def test_a_key_that_is_missing_short_or_known_is_refused_without_being_shown(keys: Any, message: str) -> None:
    attempts = [({}, keys)] + ([({"secret_key": keys}, None)] if keys not in (None, []) else [])
    for mapping, given_keys in attempts:
        with pytest.raises(ConfigurationError, match=message) as caught:
            read_settings(mapping, keys=given_keys)
        error = caught.value
        assert error.path == ("CONSENT", "secret_key")
        assert error.value is None
        for key in keys if isinstance(keys, list) else [keys]:
            assert not key or str(key) not in str(error)


def test_keys_that_nobody_knows_are_taken_in_their_order() -> None:
    older = b"\x00\xff" * 4 + b"0123abcd"
    assert read_settings({}, keys=[KEY, older, KEY]).keys == (KEY.encode(), older)
    assert read_settings({"secret_key": [older, KEY]}, keys="the framework's own key").keys == (older, KEY.encode())
    # Random bytes with hardly a letter among them are not taken for words.
    assert read_settings({}, keys=bytes(range(1, 33)) + b"a").keys
    assert read_settings({}, keys="\ud800" * 8 + "abcdefgh").keys


def test_neither_keys_nor_passwords_are_ever_shown() -> None:
    secret = "Tr0ub4dor-and-3-horses"
    log = f"postgresql://consent:{secret}@db/consent"
    made = read_settings({"secret_key": [secret], "log": log})
    assert made.log == log
    assert secret not in repr(made)
    mistakes: list[Any] = [
        {"secret_keys": secret},
        {"secret_key": [secret, "short"]},
        {"secret_key": secret, "regime": "x"},
        {"secret_key": {secret: secret}},
        {"secret_key": secret, "log": f"postgresql://consent:{secret}@db\n"},
        [("secret_key", secret)],
        f"secret_key = {secret}",
    ]
    for mistake in mistakes:
        with pytest.raises(ConfigurationError) as caught:
            read_settings(mistake, keys=KEY)
        assert secret not in str(caught.value)
        assert secret not in repr(caught.value)


# TOML


@pytest.mark.parametrize(
    "content",
    [b"regime = ", b"\xff\xfe", b"a = 1\na = 2", b"n = " + b"9" * 5000],
    ids=["cut", "not utf-8", "twice", "huge"],
)
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "consent.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"the settings in .*consent\.toml cannot be read: "):
        read_toml(path)


@pytest.mark.parametrize("name", ["missing.toml", ".", "nul\0l"])
def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_toml(f"{tmp_path}/{name}")


# Anything at all

NAMES = st.sampled_from(
    [
        "policy", "services", "purposes", "undeclared", "regime", "region", "wording", "privacy_url", "prefix", "log",
        "placement", "wall", "language", "texts", "cookie_name", "secret_key", "title", "text", "provider", "hosts", "snippets",
        "cookies", "storage", "name", "days", "third_party", "model", "months", "signals", "privacy_choices", "*", "fr",
        "youtube", "study", "analytics", "research",
    ]
)  # fmt: skip
WORDS = st.sampled_from(
    [
        "auto", "eu", "opt-in", "hold", "allow", "youtube", "analytics", "research", "_ga*", "stats.example.org", "*", "/",
        "*.example.org/a", "https://[", "//[", "*/x*y", "a:b", "xn--", "ß.example", "\ud800", "", "fixed:FR", "header:X",
    ]
)  # fmt: skip
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=12) | st.binary(max_size=20)
JUNK = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(NAMES | st.text(max_size=4) | st.integers(), inner, max_size=4)
        | st.frozensets(WORDS | st.integers(), max_size=3)
    ),
    max_leaves=12,
)


def read(mapping: Any, keys: str | None = KEY) -> Settings | ConfigurationError:
    try:
        return read_settings(mapping, keys=keys)
    except ConfigurationError as error:
        return error


@settings(deadline=None)
@given(st.dictionaries(NAMES | st.text(max_size=4), JUNK, max_size=5) | JUNK, st.sampled_from([KEY, None]))
def test_whatever_is_given_reads_as_settings_or_one_error(mapping: Any, keys: str | None) -> None:
    assert str(read(mapping, keys))


@settings(deadline=None)
@given(NAMES, JUNK)
def test_whatever_stands_in_a_setting_the_error_is_at_that_setting(name: str, value: Any) -> None:
    answer = read({name: value})
    if isinstance(answer, ConfigurationError):
        unknown = answer.path == ("CONSENT",) and answer.value == name
        assert answer.path[:2] == ("CONSENT", name) or unknown


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["title", "hosts", "snippets", "cookies", "storage", "purposes", "privacy_url"]),
        JUNK | st.lists(WORDS),
        max_size=3,
    )
)
def test_whatever_a_service_has_what_is_taken_can_be_shown(entry: dict[str, Any]) -> None:
    answer = read({"services": {"study": {**OWN, **entry}}})
    if isinstance(answer, ConfigurationError):
        assert answer.path[:2] == ("CONSENT", "services")
        return
    [study] = answer.policy.services
    shown = [study.title, study.privacy_url, *study.hosts, *study.storage, *(one.name for one in study.cookies)]
    assert all(text.isprintable() for text in shown)
    assert "".join(shown).encode()
