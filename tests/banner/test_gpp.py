"""IAB's GPP string, and what it says of a visitor in the United States."""

from __future__ import annotations

import json
import re
import tomllib
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.banner.gpp import USNAT, Fields, format_gpp, format_usnat, parse_gpp, parse_usnat
from consent.banner.look import asset
from consent.errors import ConfigurationError, InvalidGpp
from consent.exchange import Append, Consent, Facts, NeedBody, Pass, Reply
from consent.log.record import Receipt
from consent.policy.settings import read_settings

VECTORS = json.loads((Path(__file__).parent / "vectors_gpp.json").read_text("utf-8"))
STRINGS = {vector["name"]: vector for vector in VECTORS["strings"]}
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def ids_of(text: str) -> list[int]:
    return [int(number) for number in text.split(",") if number]


def header(*ids: int) -> str:
    return format_gpp(dict.fromkeys(ids, "x")).partition("~")[0]


def bits(text: str) -> str:
    return "".join(f"{LETTERS.index(letter):06b}" for letter in text)


# The string


@pytest.mark.parametrize(("ids", "written"), VECTORS["header"].items())
def test_a_header_is_three_and_one_and_the_ids_as_the_reference_encoder_writes_them(ids: str, written: str) -> None:
    assert header(*ids_of(ids)) == written
    assert bits(written).startswith("000011000001")
    assert [*parse_gpp("~".join([written, *["x"] * len(ids_of(ids))]))] == ids_of(ids)


@pytest.mark.parametrize(("ids", "written"), VECTORS["spec"]["header"].items())
def test_a_header_is_read_whether_it_is_filled_up_to_sixes_or_to_bytes_first(ids: str, written: str) -> None:
    sections = ["x"] * len(ids_of(ids))
    assert header(*ids_of(ids)).startswith(written)
    for each in {written, header(*ids_of(ids))}:
        assert [*parse_gpp("~".join([each, *sections]))] == ids_of(ids)


@pytest.mark.parametrize(("ids", "written"), VECTORS["range"].items())
def test_ids_are_a_fibonacci_range_of_distances(ids: str, written: str) -> None:
    assert bits(header(*ids_of(ids)))[12:].startswith(written)


@pytest.mark.parametrize(("number", "written"), VECTORS["fibonacci"].items())
def test_a_distance_is_in_fibonacci_coding(number: str, written: str) -> None:
    assert bits(header(int(number)))[25:].startswith(written)
    assert parse_gpp(f"{header(int(number))}~x") == {int(number): "x"}


@pytest.mark.parametrize("text", [*VECTORS["spec"]["strings"], *(each["string"] for each in VECTORS["strings"])])
def test_sections_stand_in_the_order_of_their_ids_between_tildes(text: str) -> None:
    found = parse_gpp(text)
    assert [*found] == sorted(found)
    assert text.split("~")[1:] == [*found.values()]
    assert format_gpp(dict(reversed(found.items()))).split("~")[1:] == [*found.values()]


@pytest.mark.parametrize("name", ["gpp-usnat-optout-gpc", "gpp-usnat-not-opted-out", "gpp-uspv1-and-usnat"])
def test_the_section_for_the_united_states_is_read_as_the_reference_encoder_was_told(name: str) -> None:
    vector = STRINGS[name]
    core, gpc = parse_usnat(parse_gpp(vector["string"])[USNAT])
    expected = {**vector["usnat"]}
    assert gpc == {"SubsectionType": expected.pop("GpcSegmentType"), "Gpc": expected.pop("Gpc")}
    assert core == expected
    assert [*core] == [*expected], "in the order of the specification"
    written = format_usnat(core, gpc)
    assert written == vector["string"].split("~")[-1] + ("" if "." in vector["string"] else ".QA")


def sections() -> st.SearchStrategy[dict[int, str]]:
    ids = st.one_of(st.integers(1, 30), st.integers(1, 10_000))
    return st.dictionaries(ids, st.text(LETTERS + ".", min_size=1, max_size=20), max_size=12)


def two_bits(count: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, 2), min_size=count, max_size=count)


PLAIN = [name for name, value in STRINGS["gpp-usnat-optout-gpc"]["usnat"].items() if value in (0, 1, 2)][1:-2]


@given(sections())
def test_what_is_written_is_read_again(given_sections: dict[int, str]) -> None:
    text = format_gpp(given_sections)
    assert parse_gpp(text) == given_sections
    assert format_gpp(parse_gpp(text)) == text


@given(two_bits(len(PLAIN)), two_bits(16), two_bits(3), st.booleans())
def test_every_section_for_the_united_states_is_read_again(
    plain: list[int], sensitive: list[int], child: list[int], on: bool
) -> None:
    lists = {"SensitiveDataProcessing": sensitive, "KnownChildSensitiveDataConsents": child}
    fields: Fields = {"Version": 2, **dict(zip(PLAIN, plain, strict=True)), **lists}
    read = parse_usnat(format_usnat(fields, {"Gpc": on}))
    assert read == (fields, {"SubsectionType": 1, "Gpc": on})


GOOD = STRINGS["gpp-usnat-optout-gpc"]["string"]
BAD = {
    "nothing": ("", "cut off"),
    "no header": ("~CVQVAAAAAACA.YA", "cut off"),
    "another type": ("BBABLA~x", "no header of version 1"),
    "another version": ("DCABLA~x", "no header of version 1"),
    "no section": ("DBABLA", "not one section for each id"),
    "a section too many": (f"{GOOD}~x", "not one section for each id"),
    "an empty section": ("DBABLA~", "not one section for each id"),
    "a header that is cut": ("DBAB~x", "cut off"),
    "a group without its length": ("DBABz~x~y", "cut off"),
    "a bit in the filling": ("DBABLB~x", "something stands at its end"),
    "more filling than is needed": ("DBABLAA~x", "something stands at its end"),
    "a group of very many": ("DBAB4BY~x", "not one section for each id"),
    "an id that no section has": ("DBAB" + "A" * 8000 + "D~x", "an id that no section has"),
    "base64 with a plus": ("DBABL+~x", "not base64url"),
    "base64 with an equals sign": ("DBABLA==~x", "not base64url"),
    "a space": (" DBABLA~x", "not base64url"),
    "a letter that is not of ours": ("DBÀBLA~x", "not base64url"),
    "more than anybody sends": ("DBABLA~" + "x" * 9000, "longer than 8192 characters"),
}
BAD_SECTIONS = {
    "nothing": ("", "cut off"),
    "the first version": ("BVQVAAAAAACA.YA", "not version 2"),
    "a core that is cut": ("CVQVAAAAAAC.YA", "cut off"),
    "a core that is longer": ("CVQVAAAAAACAAA.YA", "something stands at its end"),
    "a bit in the filling": ("CVQVAAAAAACB.YA", "something stands at its end"),
    "a value that is not defined": ("C_QVAAAAAACA.YA", "SharingNotice has a value"),
    "a value that is not defined in a list": ("CVQVwAAAAACA.YA", "SensitiveDataProcessing has a value"),
    "another sub-section": ("CVQVAAAAAACA.oA", "a sub-section that is not known"),
    "the signal twice": ("CVQVAAAAAACA.YA.YA", "a sub-section that is not known"),
    "an empty sub-section": ("CVQVAAAAAACA.", "cut off"),
    "no base64": ("CVQVAAAAAACA.Y=", "not base64url"),
    "more than anybody sends": ("C" * 9000, "longer than 8192 characters"),
}


@pytest.mark.parametrize(("text", "why"), BAD.values(), ids=BAD)
def test_a_text_that_is_no_string_is_refused(text: str, why: str) -> None:
    with pytest.raises(InvalidGpp, match=why):
        parse_gpp(text)


@pytest.mark.parametrize(("text", "why"), BAD_SECTIONS.values(), ids=BAD_SECTIONS)
def test_a_text_that_is_no_section_for_the_united_states_is_refused(text: str, why: str) -> None:
    with pytest.raises(InvalidGpp, match=why):
        parse_usnat(text)


def altered() -> st.SearchStrategy[str]:
    """Something else in one place of a good string, or anything at all."""
    place = st.integers(0, len(GOOD))
    near = st.builds(lambda at, text, end: GOOD[:at] + text + GOOD[at + end :], place, st.text(LETTERS + "~.="), place)
    return st.one_of(near, st.text(), st.text(LETTERS + "~.", max_size=60).map("DBA".__add__))


@given(altered())
def test_whatever_comes_is_read_or_refused_and_nothing_else_happens(text: str) -> None:
    try:
        found = parse_gpp(text)
        assert parse_gpp(format_gpp(found)) == found
        core, gpc = parse_usnat(found[USNAT])
    except (InvalidGpp, KeyError):
        return
    assert parse_usnat(format_usnat(core, gpc)) == (core, gpc)


@pytest.mark.parametrize("value", [3, -1, None, "1", [1], [0] * 15])
def test_a_value_that_a_field_cannot_have_is_not_written(value: Any) -> None:
    core, gpc = parse_usnat(parse_gpp(GOOD)[USNAT])
    for name in ("SaleOptOut", "SensitiveDataProcessing"):
        with pytest.raises(ValueError, match=f"{name} cannot be"):
            format_usnat({**core, name: value}, gpc)


# What is said of a visitor


KEY = "f3qH-0tXz9vLm2Ws8Kd1"
NOW = 1_795_000_000
RESEARCH = {"title": "Research", "text": "What is read."}


def site(gpp: Any = True, **more: Any) -> Consent:
    settings = {"services": ["google-ads", "google-analytics"], "privacy_url": "/privacy", "regime": "us-ca", **more}
    return Consent(read_settings({**settings, "gpp": gpp}, keys=KEY))


usual = cache(site)


def facts(path: str = "/", method: str = "GET", **headers: str) -> Facts:
    found = {name.replace("_", "-"): value for name, value in headers.items()}
    return Facts(method, path, found.get, "https", "news.example", NOW, bytes)


def passed(consent: Consent, **headers: str) -> Pass:
    step = consent.handle(facts(**headers))
    assert isinstance(step, Pass)
    return step


def choose(consent: Consent, *purposes: str, **headers: str) -> Reply:
    """Send a choice as the page's script does."""
    body = json.dumps({"action": "save", "purposes": purposes, "surface": "api"}).encode()
    step = consent.handle(facts("/_consent/decision", "POST", content_type="application/json", **headers))
    assert isinstance(step, NeedBody)
    step = step.resume(body)
    if isinstance(step, Append):
        step = step.resume(Receipt(step.record.id, 1, "ab" * 32))
    assert isinstance(step, Reply)
    return step


def cookie(reply: Reply) -> str:
    return next(
        value.partition(";")[0] for name, value in reply.headers if name == "Set-Cookie" and "consent=" in value
    )


def said(consent: Consent, **headers: str) -> dict[str, Any]:
    """The section's fields for who asks, the signal's among them."""
    core, gpc = parse_usnat(parse_gpp(passed(consent, **headers).page.gpp)[USNAT])
    return {**core, **gpc}


def html(consent: Consent, policy: str = "", kind: str = "text/html", **headers: str) -> str:
    """A page as it leaves."""
    sent = [("Content-Type", kind), *([("Content-Security-Policy", policy)] if policy else [])]
    shaped = passed(consent, **headers).shape(200, sent)
    assert shaped.stream is not None
    text = b"<!doctype html><html><head><title>T</title><script src=/own.js></script></head><body><h1>P</h1>"
    return (shaped.stream.feed(text) + shaped.stream.finish()).decode()


def first_told(page: str) -> list[Any]:
    """What the page's scripts in the head tell ``__gpp``."""
    found = re.findall(r'data-calls="([^"]*)"', page)
    return [call[2][1] for each in found for call in json.loads(unescape(each)) if call[:2] == ["method", "__gpp"]]


OPT_OUTS = ("SaleOptOut", "SharingOptOut", "TargetedAdvertisingOptOut")
NOTICES = ("SharingNotice", "SaleOptOutNotice", "SharingOptOutNotice", "TargetedAdvertisingOptOutNotice")
NOT_OPTED_OUT = STRINGS["gpp-usnat-not-opted-out"]
OPTED_OUT_BY_GPC = STRINGS["gpp-usnat-optout-gpc"]


@pytest.mark.parametrize("regime", ["us-ca", "us-uoom", "us-other"])
def test_who_has_not_chosen_was_given_notice_and_did_not_opt_out(regime: str) -> None:
    assert passed(site(regime=regime)).page.gpp == NOT_OPTED_OUT["string"]


@pytest.mark.parametrize("regime", ["us-ca", "us-uoom", "us-other"])
def test_the_browsers_signal_opts_out_of_sale_sharing_and_targeted_advertising_and_is_passed_on(regime: str) -> None:
    assert passed(site(regime=regime), sec_gpc="1").page.gpp == OPTED_OUT_BY_GPC["string"]


@pytest.mark.parametrize(
    ("purposes", "opted_out"), [((), 1), (("analytics",), 1), (("marketing",), 2), (("analytics", "marketing"), 2)]
)
def test_who_refuses_marketing_has_opted_out_of_all_three(purposes: tuple[str, ...], opted_out: int) -> None:
    consent = site()
    found = said(consent, cookie=cookie(choose(consent, *purposes)))
    assert [found[name] for name in OPT_OUTS] == [opted_out] * 3
    assert [found[name] for name in NOTICES] == [1] * 4
    assert found["Gpc"] is False


def test_an_agreement_in_the_signals_face_counts_and_the_signal_is_passed_on_all_the_same() -> None:
    consent = site()
    agreed = cookie(choose(consent, "marketing", sec_gpc="1"))
    found = said(consent, cookie=agreed, sec_gpc="1")
    assert ([found[name] for name in OPT_OUTS], found["Gpc"]) == ([2, 2, 2], True)
    assert said(consent, cookie=agreed)["Gpc"] is False


def test_who_agreed_before_the_signal_came_has_opted_out_by_it() -> None:
    consent = site()
    found = said(consent, cookie=cookie(choose(consent, "marketing")), sec_gpc="1")
    assert ([found[name] for name in OPT_OUTS], found["Gpc"]) == ([1, 1, 1], True)


def test_each_of_the_three_follows_the_purposes_that_the_site_names() -> None:
    consent = site({"sale": [], "sharing": ["research"], "targeted_advertising": ["marketing", "research"]},
                   purposes={"research": RESEARCH})  # fmt: skip

    def of(*purposes: str) -> list[int]:
        found = said(consent, cookie=cookie(choose(consent, *purposes)))
        assert [found[name] for name in NOTICES] == [1, 0, 1, 1]
        return [found[name] for name in OPT_OUTS]

    assert of("marketing", "research") == [0, 2, 2]
    assert of("research") == [0, 2, 1], "who refuses one of several purposes has opted out"
    assert of("marketing") == [0, 1, 1]
    assert of() == [0, 1, 1]


@pytest.mark.parametrize(
    ("setting", "flags"),
    [
        (True, [2, 0, 0]),
        ({}, [2, 0, 0]),
        ({"covered": False, "sale": []}, [2, 0, 0]),
        ({"covered": True}, [1, 1, 2]),
        ({"covered": True, "sale": [], "sharing": []}, [1, 1, 2]),
        ({"covered": True, "sale": [], "sharing": [], "targeted_advertising": []}, [1, 2, 1]),
    ],
)
def test_a_covered_transaction_is_in_the_mode_that_fits_what_the_site_does(setting: Any, flags: list[int]) -> None:
    found = said(site(setting))
    names = ("MspaCoveredTransaction", "MspaOptOutOptionMode", "MspaServiceProviderMode")
    assert [found[name] for name in names] == flags


@given(st.sets(st.sampled_from(["analytics", "marketing"])), st.booleans(), st.booleans())
def test_nobody_who_refuses_is_said_to_have_agreed(purposes: set[str], signal: bool, chosen: bool) -> None:
    consent = usual()
    headers = {"sec_gpc": "1"} if signal else {}
    if chosen:
        headers["cookie"] = cookie(choose(consent, *sorted(purposes), **headers))
    page = passed(consent, **headers).page
    found = said(consent, **headers)
    assert all((found[name] == 2) == page.allows("marketing") for name in OPT_OUTS)
    assert found["SensitiveDataProcessing"] == [0] * 16
    assert found["KnownChildSensitiveDataConsents"] == [0] * 3


# Where it is said


def test_the_page_is_told_before_any_tag_with_the_number_of_who_is_registered_nowhere() -> None:
    page = html(site())
    [told] = first_told(page)
    core, gpc = parse_usnat(parse_gpp(NOT_OPTED_OUT["string"])[USNAT])
    assert told == {
        "gppVersion": "1.1", "cmpStatus": "loaded", "signalStatus": "ready", "supportedAPIs": ["7:usnat"], "cmpId": 1,
        "sectionList": [7], "applicableSections": [7], "gppString": NOT_OPTED_OUT["string"],
        "parsedSections": {"usnat": [core, gpc]},
    }  # fmt: skip
    assert page.index(asset("gpp.js").body.decode()) < page.index("data-calls") < page.index("/own.js")


@pytest.mark.parametrize(
    ("settings", "headers"),
    [
        ({"gpp": False}, {}),
        ({"regime": "auto", "region": "header:X-Region"}, {"x_region": "FR"}),
        ({"regime": "auto", "region": "header:X-Region"}, {"x_region": "CA-QC"}),
        ({"regime": "auto", "region": "header:X-Region"}, {}),
    ],
)
def test_elsewhere_and_where_it_is_off_nothing_of_it_is_in_the_page(
    settings: dict[str, Any], headers: dict[str, str]
) -> None:
    consent = site(**settings)
    assert passed(consent, **headers).page.gpp == ""
    assert "gpp" not in html(consent, **headers).lower()


def test_by_region_visitors_in_the_united_states_have_it_and_pages_have_marks_of_their_own() -> None:
    consent = site(regime="auto", region="header:X-Region")
    for region in ("US-CA", "US-CO", "US-NY", "US"):
        assert said(consent, x_region=region)["SaleOptOut"] == 2
    agreed = cookie(choose(consent, "marketing", x_region="US-CA", sec_gpc="1"))

    def mark(consent: Consent = consent, **headers: str) -> str | None:
        shaped = passed(consent, x_region="US-CA", cookie=agreed, **headers).shape(
            200, [("Content-Type", "text/html"), ("ETag", '"a"')]
        )
        return dict(shaped.headers).get("ETag")

    assert mark(sec_gpc="1") != mark(), "the page says whether there is a signal"
    others = [site(gpp, regime="auto", region="header:X-Region") for gpp in (False, True, {"covered": True})]
    assert len({mark(each) for each in others}) == 3, "and what the site said of itself"


def test_where_it_is_off_a_choice_says_nothing_of_it_and_there_is_no_script() -> None:
    consent = site(gpp=False)
    assert "gpp" not in choose(consent, "marketing").body.decode()
    step = consent.handle(facts("/_consent/gpp.js"))
    assert isinstance(step, Reply)
    assert step.status == 404


def test_the_script_is_served_and_kept_by_caches() -> None:
    step = site().handle(facts("/_consent/gpp.js")._replace(query=f"v={asset('gpp.js').digest}"))
    assert isinstance(step, Reply)
    assert step.body == asset("gpp.js").body
    assert ("Cache-Control", "public, max-age=31536000, immutable") in step.headers


def test_a_choice_is_told_first_of_all_and_a_move_out_of_the_united_states_too() -> None:
    consent = site(regime="auto", region="header:X-Region")
    [how, to, [name, told]] = json.loads(choose(consent, x_region="US-CA").body)["now"][0]
    assert (how, to, name) == ("method", "__gpp", "told")
    assert told["parsedSections"]["usnat"][0]["SaleOptOut"] == 1
    [_, _, [_, told]] = json.loads(choose(consent, x_region="FR").body)["now"][0]
    assert (told["gppString"], told["sectionList"], told["applicableSections"]) == ("DBAA", [], [-1])
    assert told["parsedSections"] == {}
    assert parse_gpp(told["gppString"]) == {}


def test_a_page_that_is_everybodys_waits_to_hear_whose_it_is() -> None:
    consent = site(regime="auto", region="header:X-Region", cache="shared")
    [told] = first_told(html(consent, x_region="US-CA", sec_gpc="1"))
    assert (told["cmpStatus"], told["signalStatus"], told["gppString"]) == ("loading", "not ready", "")
    assert passed(consent, x_region="US-CA").page.gpp == ""

    def late(**headers: str) -> Any:
        step = consent.handle(facts("/_consent/state", **headers))
        assert isinstance(step, Reply)
        return json.loads(step.body)["now"][0][2][1]

    assert late(x_region="US-CA", sec_gpc="1")["gppString"] == OPTED_OUT_BY_GPC["string"]
    assert late(x_region="US-CA")["gppString"] == NOT_OPTED_OUT["string"]
    assert (late(x_region="FR")["signalStatus"], late(x_region="FR")["applicableSections"]) == ("ready", [-1])


@pytest.mark.parametrize(
    ("policy", "linked", "nonce"),
    [("", 0, 0), ("script-src 'nonce-abc' 'strict-dynamic'", 0, 2), ("script-src 'self'", 2, 0)],
)
def test_both_scripts_stand_in_the_page_where_its_policy_lets_them(policy: str, linked: int, nonce: int) -> None:
    head = html(site(), policy).partition("<title>")[0]
    assert len(re.findall(r'<script src="//news.example/_consent/(?:gpp|vendors).js\?v=', head)) == linked
    assert head.count('nonce="abc"') == nonce
    assert (asset("gpp.js").body.decode() in head) == (not linked)


# The setting


@pytest.mark.parametrize(
    ("settings", "path", "why"),
    [
        ({"gpp": "yes"}, "gpp", "must be a table"),
        ({"gpp": {"sales": []}}, "gpp", "did you mean 'sale'"),
        ({"gpp": {"sale": "marketing"}}, "gpp.sale", "must be a list of texts"),
        ({"gpp": {"covered": "yes"}}, "gpp.covered", "must be true or false"),
        ({"gpp": {"sharing": ["marketting"]}}, "gpp.sharing", "did you mean 'marketing'"),
        ({"gpp": {"sale": ["necessary"]}}, "gpp.sale", "can refuse"),
        ({"services": ["google-analytics"]}, "gpp.sale", "not a purpose that visitors of this site can refuse"),
        ({"privacy_url": ""}, "gpp", "set privacy_url"),
        ({"regime": "eu"}, "gpp", "no visitor is"),
        ({"regime": "auto"}, "gpp", "set region"),
    ],
)
def test_what_would_not_be_so_is_refused_at_start(settings: dict[str, Any], path: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why) as caught:
        site(**settings)
    assert ".".join(caught.value.path) == f"CONSENT.{path}"


def test_a_regime_of_the_sites_own_is_one_of_the_united_states_by_its_name() -> None:
    consent = site(regime={"name": "us-own", "model": "opt-in"})
    assert [said(consent)[name] for name in OPT_OUTS] == [1, 1, 1], "nobody has agreed yet"


# The documentation

DOCS = (Path(__file__).parents[2] / "docs" / "gpp.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", DOCS, flags=re.MULTILINE | re.DOTALL)


def test_the_settings_that_the_documentation_shows_are_read_and_say_what_it_says() -> None:
    smallest, full = (
        Consent(read_settings(tomllib.loads(block), keys=KEY)) for language, block in BLOCKS if language == "toml"
    )
    assert passed(smallest, cf_ipcountry="US").page.gpp == NOT_OPTED_OUT["string"]
    found = said(full)
    assert [found[name] for name in OPT_OUTS] == [0, 2, 2]
    assert (found["MspaCoveredTransaction"], found["MspaOptOutOptionMode"]) == (1, 1)


def test_the_code_that_the_documentation_shows_runs() -> None:
    shown: dict[str, Any] = {}
    for language, block in BLOCKS:
        if language == "python":
            exec(compile(block, "gpp.md", "exec"), shown)
    request = shown["with_privacy"](passed(usual(), sec_gpc="1").page, {})
    assert request == {"regs": {"gpp": OPTED_OUT_BY_GPC["string"], "gpp_sid": [7]}}
    assert shown["with_privacy"](passed(site(gpp=False)).page, {}) == {}
    assert {language for language, _ in BLOCKS} == {"toml", "python", "js"}


def test_every_field_is_told_of() -> None:
    written = {name for name in STRINGS["gpp-usnat-optout-gpc"]["usnat"] if name not in {"Version", "GpcSegmentType"}}
    beside = {name for name in written if re.search("Sensitive|Child|PersonalDataConsents", name)}
    assert {name for name in written if f"`{name}`" in DOCS} == written - beside
