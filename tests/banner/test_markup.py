"""Values to HTML: whole, escaped, a form first, refusing as easy as agreeing."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode
from xml.etree.ElementTree import Element

import html5lib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from consent.banner.card import card
from consent.banner.declared import declaration
from consent.banner.link import link_texts, settings_link, shared_link
from consent.banner.look import Look, inline_style
from consent.banner.page import Page
from consent.banner.placeholder import placeholder
from consent.banner.script import state_script
from consent.banner.settings_page import settings_page
from consent.banner.text import LANGUAGES, Words
from consent.exchange.choice import read_choice
from consent.exchange.facts import Facts
from consent.policy.policy import Cookie, Policy, Purpose, Service
from consent.policy.regime import MODELS, PRESETS, Regime
from consent.visitor.decision import Decision, Visitor
from consent.visitor.signal import Signals

BASE = "https://news.example/_consent/"
NOW = 1_795_000_000
SERVICES = (
    Service(
        "stats", "Stats", "Stats Inc", ("analytics",), hosts=("stats.example",),
        cookies=(Cookie("_st_*", 730), Cookie("_st_s", 0), Cookie("uid", None, third_party=True)), storage=("st_*",),
        privacy_url="https://stats.example/privacy",
    ),
    Service("video", "Video", "Video Ltd", ("marketing", "research"), hosts=("video.example",)),
    Service("shop", "Shop", "", ("necessary",), cookies=(Cookie("cart", 0.0208),)),
)  # fmt: skip
POLICY = Policy.of(
    [
        Purpose("necessary"),
        Purpose("analytics"),
        Purpose("marketing"),
        Purpose("research", "Research", "What is read."),
    ],
    SERVICES,
    version="1",
)
LOOK = Look(POLICY, privacy_url="/privacy")
OWN = Cookie("__Host-consent", 183)

every_language = pytest.mark.parametrize("language", LANGUAGES)
every_regime = pytest.mark.parametrize("regime", PRESETS)


def every_language_with(name: str, *values: Sequence[str]) -> pytest.MarkDecorator:
    """Each language with one of each group's values in turn, and so each value with a language; not each with each."""
    pairs = [(language, group[number % len(group)]) for number, language in enumerate(LANGUAGES) for group in values]
    return pytest.mark.parametrize(("language", name), pairs)


REGIMES_BY_MODEL = [[name for name in PRESETS if PRESETS[name].model == model] for model in MODELS]


def visitor(
    regime: str = "eu", *granted: str, policy: Policy = POLICY, decided: bool = False, gpc: bool = False
) -> Visitor:
    decision = Decision(frozenset(granted), policy.version, "opt-in", NOW) if decided or granted else None
    return Visitor(policy, PRESETS[regime], Signals(gpc=gpc), decision, NOW)


def page(look: Look = LOOK, language: str = "en", seen: Visitor | None = None, target: str = "/news?a=1") -> Page:
    return Page(seen or visitor(policy=look.policy), look, lang=language, origin="https://news.example", next=target)


def documents(
    look: Look = LOOK, language: str = "en", regime: str = "eu", base: str = BASE, target: str = "/news?a=1"
) -> dict[str, str]:
    """Everything that a visitor may be shown."""
    words, law = Words(look, language), PRESETS[regime]
    shown = page(look, language, visitor(regime, policy=look.policy), target)
    return {
        "card": card(look, words, law, base=base, target=target),
        "modal": card(replace(look, layout="modal", close_button=True), words, law, base=base, target=target),
        "shared link": shared_link(words, law, base=base, target=target),
        "settings": settings_page(shown, next=target, not_saved=True),
        "declaration": declaration(look, words, OWN),
        "link": settings_link(words, law, base=base, target=target),
        "own link": settings_link(words, law, base=base, target=target, text=look.policy.services[0].title or "text"),
        "placeholder": placeholder(look, words, look.policy.services[0], frozenset(), base=base, target=target),
        "undeclared": placeholder(
            look,
            words,
            Service("x", look.policy.services[0].title, declared=False),
            frozenset(),
            base=base,
            target=target,
        ),
        "state": state_script(f"{base}consent.js", {"text": look.policy.services[0].title}, nonce=target),
        "inserted": b"".join(shown.inserted(style_nonce=None, script_nonce=None, inline_style=True)).decode(),
    }


def parse(markup: str) -> Element:
    """Read as a browser does; a parse error is an error."""
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    tree: Element = parser.parse(markup) if markup.startswith("<!doctype") else parser.parseFragment(markup)
    return tree


def all_of(tree: Element, tag: str, **attributes: str) -> list[Element]:
    return [
        node
        for node in tree.iter(tag)
        if all(node.get(name.rstrip("_")) == value for name, value in attributes.items())
    ]


def text_of(node: Element) -> str:
    return "".join(node.itertext())


def elements(tree: Element) -> Iterator[Element]:
    return (node for node in tree.iter() if isinstance(node.tag, str))


def shape(tree: Element) -> Any:
    return (tree.tag, sorted(tree.attrib), [shape(child) for child in tree])


# What is shown


@every_language_with("regime", ["eu", "us-ca", "us-other"])
def test_whatever_is_shown_is_html_without_a_mistake_and_without_inline_code(language: str, regime: str) -> None:
    for name, markup in documents(language=language, regime=regime).items():
        for node in elements(parse(markup)):
            assert not [attribute for attribute in node.attrib if attribute.startswith("on") or attribute == "style"], (
                name
            )
            # The empty icon keeps browsers from asking for one.
            assert node.get("href") == "data:," or not str(node.get("href", "")).lower().startswith(
                ("javascript:", "data:")
            ), name
            assert node.tag not in {"img", "iframe", "object", "embed", "base"}, name
            assert node.tag != "script" or node.get("type") in {"module", "application/json"}, name


@every_language
def test_ids_are_there_once_and_every_label_has_its_field(language: str) -> None:
    for markup in documents(language=language).values():
        tree = parse(markup)
        ids = [node.get("id") for node in elements(tree) if node.get("id")]
        assert len(ids) == len(set(ids))
        for label in all_of(tree, "label"):
            assert label.get("for") in ids
        for node in elements(tree):
            assert node.get("aria-labelledby") in {None, *ids}


@every_language
def test_what_is_shown_says_its_language_and_its_direction(language: str) -> None:
    shown = documents(language=language)
    for name in ("card", "settings", "declaration", "placeholder"):
        marked = [node for node in elements(parse(shown[name])) if node.get("lang")]
        assert marked[0].get("lang") == language
        assert marked[0].get("dir") == ("rtl" if language in {"ar", "fa", "he"} else "ltr")


@every_language_with("regime", *REGIMES_BY_MODEL)
def test_accept_and_refuse_are_alike_and_both_on_the_first_layer(language: str, regime: str) -> None:
    tree = parse(card(LOOK, Words(LOOK, language), PRESETS[regime], base=BASE, target="/"))
    accept, refuse = all_of(tree, "button")
    assert (accept.get("value"), refuse.get("value")) == ("accept", "refuse")
    assert {**accept.attrib, "value": ""} == {**refuse.attrib, "value": ""}
    assert shape(accept) == shape(refuse)
    assert text_of(refuse) == Words(LOOK, language)("refuse" if PRESETS[regime].model == "opt-in" else "opt_out")
    [row] = [node for node in elements(tree) if accept in list(node)]
    assert list(row) == [accept, refuse], "side by side in one row"
    assert text_of(accept).strip()
    assert text_of(refuse).strip()
    assert not [node for node in elements(tree) if node.tag == "input" and node.get("type") != "hidden"]


def test_accept_and_refuse_are_alike_on_the_second_layer() -> None:
    buttons = {button.get("value"): button for button in all_of(parse(settings_page(page(), next="/")), "button")}
    assert set(buttons) == {"save", "accept", "refuse"}
    assert len({json.dumps({**button.attrib, "value": ""}) for button in buttons.values()}) == 1


@every_regime
@pytest.mark.parametrize("wording", ["auto", "ask", "assume"])
def test_agreement_is_assumed_only_where_the_law_allows_it(regime: str, wording: Any) -> None:
    """Whatever the look was told: settings refuse the combination, and if they did not, the words would still ask."""
    look = Look(POLICY, wording=wording)
    text = text_of(parse(card(look, Words(look, "en"), PRESETS[regime], base=BASE, target="/")))
    assumes = PRESETS[regime].model != "opt-in" and wording != "ask"
    assert ("We'll assume you're ok with this, but you can opt out if you wish." in text) == assumes
    opt_in = PRESETS[regime].model == "opt-in"
    assert ("None of this starts before you agree" in text) == opt_in
    assert ("You can opt out now or at any time" in text) == (not assumes and not opt_in)


def test_the_first_words_name_purposes_and_who_helps() -> None:
    def first(*services: Service) -> str:
        look = Look(Policy.of(POLICY.purposes, services))
        return text_of(parse(card(look, Words(look, "en"), PRESETS["eu"], base=BASE, target="/")))

    stats, video, shop = SERVICES
    assert "for Analytics, Marketing and Research, with the help of Stats and Video. None" in first(stats, video, shop)
    assert "with the help of Stats. None" in first(stats, shop)
    assert "with the help of 3 services. None" in first(stats, video, Service("more", purposes=("analytics",)))
    assert "with the help of quiet. None" in first(Service("quiet", purposes=("analytics",)))
    assert "for Analytics, Marketing and Research. None" in first(shop)


def test_the_privacy_page_is_one_link_away_where_there_is_one() -> None:
    for look, links in ((LOOK, ["/privacy"]), (Look(POLICY), [])):
        for name in ("card", "settings"):
            tree = parse(documents(look)[name])
            assert [link.get("href") for link in all_of(tree, "a", href="/privacy")] == links


# Layouts


def card_of(look: Look, regime: Regime = PRESETS["eu"], language: str = "en", *, hidden: bool = False) -> Element:
    return parse(card(look, Words(look, language), regime, base=BASE, target="/", hidden=hidden))


def test_a_modal_is_a_dialog_that_is_open_without_a_script_and_has_the_same_content() -> None:
    [dialog] = all_of(card_of(replace(LOOK, layout="modal")), "dialog", id="yc")
    [section] = all_of(card_of(LOOK), "section", id="yc")
    assert "open" in dialog.attrib
    assert "autofocus" in all_of(dialog, "h2")[0].attrib, "and so no button has the focus"
    assert dialog.get("aria-labelledby") == section.get("aria-labelledby") == "yc-t"
    assert "role" not in dialog.attrib
    [inner] = list(dialog)
    for name in ("autofocus", "tabindex"):
        del all_of(inner, "h2")[0].attrib[name]
    assert [shape(child) for child in inner] == [shape(child) for child in section]
    assert "hidden" in all_of(card_of(replace(LOOK, layout="modal"), hidden=True), "dialog")[0].attrib


@every_language
def test_the_button_in_the_corner_refuses_and_says_so(language: str) -> None:
    look = replace(LOOK, close_button=True)
    close, *answers = all_of(card_of(look, language=language), "button")
    assert [answer.get("value") for answer in answers] == ["accept", "refuse"]
    assert (close.get("name"), close.get("value")) == ("action", "refuse")
    assert close.get("aria-label") == close.get("title") == Words(look, language)("continue_without")


@every_language
@pytest.mark.parametrize("layout", ["box", "bar", "modal"])
@pytest.mark.parametrize("theme", ["quiet", "bold"])
def test_a_card_and_its_style_are_three_kilobytes_at_most(language: str, layout: Any, theme: Any) -> None:
    """Compressed, with everything that it may have; a usual one in English has two."""
    most = Look(COUNTED, privacy_url="/privacy", layout=layout, theme=theme, close_button=True)
    shown = f"<style>{inline_style(layout, theme)}</style>" + card(
        most, Words(most, language), COUNTING, base=BASE, target="/news?page=2"
    )
    assert len(gzip.compress(shown.encode(), 9)) <= 3072


# What the law exempts

COUNTED = Policy.of(
    [*POLICY.purposes, Purpose("statistics")],
    [*SERVICES, Service("count", "Count", purposes=("statistics",), exempt=frozenset({"cnil"}))],
    version="1",
)
COUNTING = replace(PRESETS["fr"], exemptions=frozenset({"cnil"}))


def test_what_needs_no_agreement_is_not_asked_for_and_is_said_to_run_on_both_layers() -> None:
    look = Look(COUNTED)
    said = "Already active, because the law asks for no consent: Audience measurement. You can object in the settings."
    first = card_of(look, COUNTING)
    assert said in text_of(first)
    assert "for Analytics, Marketing and Research, with the help of Stats and Video." in text_of(first)
    assert said in text_of(parse(settings_page(page(look, seen=Visitor(COUNTED, COUNTING, now=NOW)), next="/")))
    for tree in (card_of(look), parse(settings_page(page(look, seen=visitor(policy=COUNTED)), next="/"))):
        assert "Already active" not in text_of(tree)


def test_what_was_objected_to_is_not_said_to_run() -> None:
    objected = Visitor(COUNTED, COUNTING, decision=Decision(frozenset(), COUNTED.version, "opt-in", NOW), now=NOW)
    assert "Already active" not in text_of(parse(settings_page(page(Look(COUNTED), seen=objected), next="/")))


# Boxes


def ticked(seen: Visitor) -> set[str | None]:
    tree = parse(settings_page(page(seen=seen), next="/"))
    boxes = all_of(tree, "input", type="checkbox")
    assert {box.get("value") for box in boxes} == set(POLICY.optional)
    return {box.get("value") for box in boxes if "checked" in box.attrib}


@pytest.mark.parametrize("regime", [name for name, regime in PRESETS.items() if regime.model == "opt-in"])
def test_nothing_is_ticked_that_the_visitor_did_not_agree_to(regime: str) -> None:
    assert ticked(visitor(regime)) == set()
    assert ticked(visitor(regime, decided=True)) == set()
    assert ticked(visitor(regime, "analytics")) == {"analytics"}
    assert ticked(visitor(regime, gpc=True)) == set()


def test_what_runs_until_it_is_refused_is_ticked() -> None:
    assert ticked(visitor("us-ca")) == set(POLICY.optional)
    assert ticked(visitor("us-ca", gpc=True)) < set(POLICY.optional)
    assert ticked(visitor("us-ca", decided=True)) == set()


def test_what_is_necessary_has_no_box() -> None:
    tree = parse(settings_page(page(), next="/"))
    assert not all_of(tree, "input", value="necessary")
    assert text_of(tree).count("Always on") == 1


@pytest.mark.parametrize(
    ("seen", "status"),
    [
        (visitor("eu"), "Only what is necessary is active."),
        (visitor("us-ca"), "Everything listed here is active until you opt out."),
        (visitor("eu", decided=True), "You have refused everything that is not necessary."),
        (visitor("eu", "analytics"), "You have accepted some of these purposes."),
        (visitor("eu", *POLICY.optional), "You have accepted everything."),
    ],
)
def test_the_settings_page_says_what_holds_now(seen: Visitor, status: str) -> None:
    assert status in text_of(parse(settings_page(page(seen=seen), next="/")))


def test_of_who_refused_long_ago_it_is_not_said_that_everything_is_active() -> None:
    regime = PRESETS["us-ca"]
    long_ago = NOW - 40 * 31 * 86_400
    refused = Visitor(POLICY, regime, decision=Decision(frozenset(), POLICY.version, regime.model, long_ago), now=NOW)
    assert (refused.status, ticked(refused)) == ("undecided", set())
    assert "is active" not in text_of(parse(settings_page(page(seen=refused), next="/")))


def test_a_signal_that_binds_is_seen_to_be_honoured() -> None:
    signal = "opt-out signal (Global Privacy Control) is honoured"
    assert f"Opt-out signal honoured Your browser's {signal}" in text_of(
        parse(settings_page(page(seen=visitor("us-ca", gpc=True)), next="/"))
    )
    assert signal not in text_of(parse(settings_page(page(seen=visitor("us-ca")), next="/")))


def test_a_choice_that_was_not_kept_is_told() -> None:
    for not_saved in (True, False):
        [alert] = [
            node
            for node in elements(parse(settings_page(page(), next="/", not_saved=not_saved)))
            if node.get("role") == "alert"
        ]
        assert ("hidden" in alert.attrib) == (not not_saved)
        assert "could not be saved" in text_of(alert)


# Second layer and declaration


@every_language
def test_the_second_layer_lists_every_purpose_service_cookie_and_duration(language: str) -> None:
    said = Words(LOOK, language)
    tree = parse(settings_page(page(language=language), next="/"))
    text = text_of(tree)
    for purpose in POLICY.purposes:
        assert said.title(purpose) in text
        assert said.text(purpose) in text
    names = [text_of(code) for code in all_of(tree, "code")]
    for service in SERVICES:
        times = len(service.purposes)
        assert (
            len(
                [
                    title
                    for title in all_of(tree, "h3")
                    if text_of(title) == f"{service.title} {service.provider}".strip()
                ]
            )
            == times
        )
        for cookie in service.cookies:
            assert names.count(cookie.name) == times
            assert f"{cookie.name} {said.duration(cookie)}" in text
        for key in service.storage:
            assert names.count(key) == times
    assert text.count(said("third_party")) == 1
    assert all(code.get("dir") == "ltr" for code in all_of(tree, "code")), "a name reads from the left in Arabic too"


@every_language
def test_the_declaration_is_a_table_with_a_caption_and_headings(language: str) -> None:
    said = Words(LOOK, language)
    tree = parse(declaration(LOOK, said, OWN))
    [table] = all_of(tree, "table")
    assert [child.tag for child in table] == ["caption", "thead", "tbody"]
    assert text_of(table[0]) == said("declaration")
    assert [heading.get("scope") for heading in all_of(table[1], "th")] == ["col"] * 4
    own, *rows = all_of(table[2], "tr")
    assert [text_of(cell) for cell in own] == [
        said("own_cookie"), "–", said.title(POLICY.purpose("necessary")), f"{OWN.name} {said.duration(OWN)}"
    ]  # fmt: skip
    assert len(rows) == len(SERVICES)
    for row, service in zip(rows, SERVICES, strict=True):
        assert [cell.tag for cell in row] == ["th", "td", "td", "td"]
        assert row[0].get("scope") == "row"
        assert text_of(row[0]) == service.title
        assert [link.get("href") for link in all_of(row[0], "a")] == (
            [service.privacy_url] if service.privacy_url else []
        )
        assert text_of(row[1]) == (service.provider or "–")
        assert text_of(row[2]) == said.join(said.title(POLICY.purpose(name)) for name in service.purposes)
        for cookie in service.cookies:
            assert f"{cookie.name} {said.duration(cookie)}" in text_of(row[3])
    assert said("no_cookies") in text_of(rows[1])


@pytest.mark.parametrize(
    ("regime", "duration", "kept"),
    [
        ("eu", "6 months", "6 months"),
        ("es", "13 months", "13 months"),
        ("us-ca", "12 months", "13 months"),  # a refusal does not run out
        ("long", "13 months", "13 months"),
    ],
)
def test_how_long_a_choice_holds_is_said_and_what_remembers_it(regime: str, duration: str, kept: str) -> None:
    """No browser keeps a cookie for longer than 400 days, whatever the law allows."""
    law = PRESETS.get(regime, Regime("long", "opt-in", 24))
    shown = Page(Visitor(POLICY, law, now=NOW), LOOK, lang="en", origin="https://news.example", cookie="__Host-consent")
    tree = parse(settings_page(shown, next="/"))
    assert f"How long your choice holds: {duration}" in text_of(tree)
    necessary = all_of(tree, "section")
    assert f"__Host-consent Remembers your choice, {kept}" in text_of(necessary[0])
    assert f"__Host-consent {kept}" in text_of(parse(shown.declaration()))


def test_a_service_says_to_whom_it_connects_and_where_its_provider_explains() -> None:
    service = Service(
        "stats", "Stats", "Stats Inc", ("analytics",), privacy_url="https://stats.example/privacy",
        hosts=("a.example/x.js", "a.example/y.js", "*.b.example", "*/stats.js", "/own/stats.js"),
    )  # fmt: skip
    look = Look(Policy.of(POLICY.purposes, [service]))
    tree = parse(settings_page(page(look, seen=visitor(policy=look.policy)), next="/"))
    assert "Connects to \u2066a.example\u2069, \u2066*.b.example\u2069" in text_of(tree)
    [link] = all_of(tree, "a", href="https://stats.example/privacy")
    assert (text_of(link), link.get("aria-label")) == ("Privacy policy", "Privacy policy: Stats")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("video", "The video from X is not loaded"),
        ("map", "The map from X is not loaded"),
        ("social", "The post from X is not loaded"),
        ("other", "Content from X is not loaded"),
    ],
)
def test_a_placeholder_says_what_would_be_there(kind: str, said: str) -> None:
    held = Service("x", "X", purposes=("marketing",), kind=kind)
    tree = parse(placeholder(LOOK, Words(LOOK, "en"), held, frozenset(), base=BASE, target="/"))
    assert text_of(all_of(tree, "h1")[0]) == said
    assert all_of(tree, "body")[0].get("class") == f"yc-f yc-{kind}"


def test_a_link_that_everybody_is_given_has_one_of_two_texts() -> None:
    words = Words(LOOK, "en")
    for regime, text in (("eu", "Cookie settings"), ("us-ca", "Your Privacy Choices")):
        tree = parse(shared_link(words, PRESETS[regime], base=BASE, target="/"))
        assert text_of(tree) == text
        assert all_of(tree, "{http://www.w3.org/2000/svg}svg")[0].get("display") == "none", "until the style shows it"
        assert sorted(link_texts(words, PRESETS[regime]).values()) == ["", text]


def test_a_site_without_services_says_so() -> None:
    look = Look(Policy.of([Purpose("necessary")]))
    assert text_of(parse(declaration(look, Words(look, "en"), OWN))) == "No third-party services."


def test_a_site_that_asks_for_nothing_can_show_everything() -> None:
    look = Look(Policy.of([Purpose("necessary")], [SERVICES[2]]))
    for markup in documents(look).values():
        parse(markup)


# Forms


def form(markup: str) -> tuple[Element, dict[str, list[str]]]:
    tree = parse(markup)
    [node] = all_of(tree, "form")
    fields: dict[str, list[str]] = {}
    for field in (*node.iter("input"), *node.iter("button")):
        if field.get("name") and (field.get("type") != "checkbox" or "checked" in field.attrib):
            fields.setdefault(str(field.get("name")), []).append(str(field.get("value")))
    return node, fields


def posted(markup: str, action: str) -> Any:
    """What a browser without JavaScript sends when that button is pressed, as the centre reads it."""
    node, fields = form(markup)
    assert (node.get("method"), node.get("action")) == ("post", f"{BASE}decision")
    assert "enctype" not in node.attrib
    assert action in fields.pop("action")
    [button] = all_of(node, "button", name="action", value=action)
    assert "hidden" not in button.attrib
    assert "disabled" not in button.attrib
    assert button.get("type", "submit") == "submit"
    body = urlencode({**fields, "action": action}, doseq=True).encode()
    header = {"content-type": "application/x-www-form-urlencoded"}.get
    facts = Facts("POST", "/_consent/decision", header, "https", "news.example", NOW, bytes)
    return read_choice(facts, body, POLICY)


@every_language_with("target", ["/news?a=1&b=2", "/a%20b?q=%22", "/"])
def test_the_first_layer_is_a_form_that_needs_no_script(language: str, target: str) -> None:
    markup = card(LOOK, Words(LOOK, language), PRESETS["eu"], base=BASE, target=target)
    refused, accepted = posted(markup, "refuse"), posted(markup, "accept")
    assert refused.granted == frozenset()
    assert accepted.granted == set(POLICY.optional)
    for choice in (refused, accepted):
        assert (choice.surface, choice.next, choice.scripted) == ("banner", target, False)
        assert (choice.policy, choice.lang) == (POLICY.version, language)
    assert set(form(markup)[1]) == {"surface", "next", "policy", "lang", "action"}


def test_the_second_layer_is_a_form_that_needs_no_script() -> None:
    markup = settings_page(page(seen=visitor("eu", "research")), next="/back")
    assert posted(markup, "refuse").granted == frozenset()
    assert posted(markup, "accept").granted == set(POLICY.optional)
    assert posted(markup, "save").granted == {"research"}
    assert posted(markup, "save").surface == "settings"
    assert posted(markup, "save").next == "/back"


def test_a_placeholder_asks_for_its_service_and_keeps_what_was_allowed() -> None:
    words = Words(LOOK, "en")
    markup = placeholder(LOOK, words, SERVICES[1], frozenset({"necessary", "analytics"}), base=BASE, target="/news")
    choice = posted(markup, "save")
    assert choice.granted == {"analytics", "marketing", "research"}
    assert (choice.surface, choice.next) == ("placeholder", "/news")
    tree = parse(markup)
    assert all_of(tree, "form")[0].get("target") == "_top"
    text = text_of(tree)
    for said in ("Content from Video is not loaded", "connect to Video Ltd", "consent for: Marketing and Research"):
        assert said in text
    [once] = all_of(tree, "button", value="once")
    assert "hidden" in once.attrib, "what needs the script is shown by the script"


def test_an_undeclared_service_can_not_be_agreed_to() -> None:
    tree = parse(
        placeholder(LOOK, Words(LOOK, "en"), Service("x", "X", declared=False), frozenset(), base=BASE, target="/")
    )
    assert not all_of(tree, "form")
    assert "has not declared this service" in text_of(tree)


def test_a_link_to_the_settings_comes_back_to_this_page() -> None:
    words = Words(LOOK, "en")
    for regime, text in (("eu", "Cookie settings"), ("us-ca", "Your Privacy Choices")):
        [link] = all_of(parse(settings_link(words, PRESETS[regime], base=BASE, target="/a?b=c&d")), "a")
        assert link.get("href") == f"{BASE}settings?next=/a%3Fb%3Dc%26d&lang=en"
        assert text_of(link) == text
        icons = all_of(link, "{http://www.w3.org/2000/svg}svg")
        assert [icon.get("aria-hidden") for icon in icons] == (["true"] if regime == "us-ca" else [])


# Whatever comes from the site

NASTY = st.lists(
    st.sampled_from(
        ["<", ">", '"', "'", "&", "</script>", "<!--", "<script>", "<img src=x onerror=x()>", "&quot;", "&lt;", "{purposes}", "{0}",
         "{title}", "%s", "]]>", "javascript:x()", "`", "=", "/", "a", "é", "م", "\u2028", "\\u003c", "</title>", "</textarea>", "\\"]
    ),
    min_size=1,
    max_size=4,
).map("".join)  # fmt: skip


def dressed(text: str) -> Look:
    """A site that says one thing everywhere."""
    policy = Policy.of(
        [Purpose("necessary"), Purpose("analytics", text, text), Purpose("research", text, text)],
        [
            Service(
                "one",
                text,
                text,
                ("analytics", "research"),
                cookies=(Cookie(text, 3),),
                storage=(text,),
                privacy_url=text,
            ),
            Service("two", text, text, ("necessary",), cookies=(Cookie(text, 3, third_party=True),)),
        ],
        version=text,
    )
    keys = (
        "title",
        "ask",
        "accept",
        "refuse",
        "settings",
        "read_more",
        "link",
        "save",
        "status_undecided_opt_in",
        "and",
        "comma",
        "session",
    )
    return Look(policy, privacy_url=text, texts={"*": dict.fromkeys(keys, text)})


@settings(deadline=None, max_examples=50)
@given(NASTY)
def test_whatever_a_site_says_it_stays_text(text: str) -> None:
    """The same elements and attributes stand there as if the site had said a plain word."""
    wicked = documents(dressed(text), base=f"https://h/{text}/", target=f"/{text}")
    plain = documents(dressed("word"), base="https://h/word/", target="/word")
    for name in plain:
        assert shape(parse(wicked[name])) == shape(parse(plain[name])), name


@settings(deadline=None, max_examples=50)
@given(NASTY)
def test_whatever_a_site_says_is_read_as_it_was_said(text: str) -> None:
    look = dressed(text)
    first = parse(card(look, Words(look, "en"), PRESETS["eu"], base="/", target=f"/{text}"))
    assert [text_of(button) for button in all_of(first, "button")] == [text, text]
    assert [node.get("value") for node in all_of(first, "input", name="next")] == [f"/{text}"]
    assert all_of(first, "a")[1].get("href") == text
    table = parse(declaration(look, Words(look, "en"), OWN))
    assert [text_of(code) for code in all_of(table, "code")] == [OWN.name, text, text, text]
    assert all_of(table, "a")[0].get("href") == text


@settings(deadline=None, max_examples=50)
@given(
    st.recursive(
        NASTY | st.booleans(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NASTY, inner, max_size=3),
        max_leaves=8,
    )
)
def test_the_state_cannot_break_out_of_its_element(state: Any) -> None:
    told: Mapping[str, Any] = {"state": state}
    tree = parse(state_script("/consent.js", told, nonce='n"'))
    data, module = all_of(tree, "script")
    assert json.loads(text_of(data)) == told
    assert (module.get("src"), module.get("nonce"), module.text) == ("/consent.js", 'n"', None)
    assert len(list(elements(tree))) == 3


@settings(deadline=None, max_examples=50)
@given(NASTY)
def test_a_pages_state_is_whole_whatever_the_site_says(text: str) -> None:
    shown = page(dressed(text), target=f"/{text}")
    [data] = all_of(parse(settings_page(shown, next="/")), "script", id="yc-s")
    assert json.loads(text_of(data)) == shown.state()
    assert shown.state()["storage"] == {"analytics": [text], "research": [text]}
    assert shown.state()["policy"] == text


@settings(deadline=None, max_examples=50)
@given(NASTY, NASTY)
def test_what_differs_from_page_to_page_is_escaped_too(target: str, nonce: str) -> None:
    inserted = page(target=f"/{target}").inserted(style_nonce=nonce, script_nonce=nonce, inline_style=True)
    tree = parse(inserted.banner.decode())
    assert [node.get("value") for node in all_of(tree, "input", name="next")] == [f"/{target}"]
    assert {node.get("nonce") for node in elements(tree) if node.tag == "style" or node.get("type") == "module"} == {
        nonce
    }
    plain = page(target="/a").inserted(style_nonce="n", script_nonce="n", inline_style=True)
    assert shape(tree) == shape(parse(plain.banner.decode()))


def test_what_is_made_is_marked_as_safe_and_is_made_of_text() -> None:
    for markup in (
        card(LOOK, Words(LOOK, "en"), PRESETS["eu"], base=BASE, target="/"),
        declaration(LOOK, Words(LOOK, "en"), OWN),
    ):
        assert isinstance(markup, Markup)
