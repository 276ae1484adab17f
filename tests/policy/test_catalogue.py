"""The catalogue of known services: well formed, none too broad, none that misses its own embeds."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from importlib.resources import files
from typing import Any

import pytest

from consent.gate.match import Rules, wildcard
from consent.policy import catalogue
from consent.policy.policy import BUILT_IN_PURPOSES, Policy, Purpose, Service
from consent.policy.reader import host_pattern, snippet, storage_key

TEXT = files("consent.policy").joinpath("catalogue.json").read_text("utf-8")


def without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = Counter(name for name, _ in pairs)
    assert not [name for name, times in names.items() if times > 1]
    return dict(pairs)


CONTENT: dict[str, Any] = json.loads(TEXT, object_pairs_hook=without_doubles)
ENTRIES: dict[str, dict[str, Any]] = CONTENT["services"]
KEYS = ("title", "provider", "purposes", "kind", "confidence", "hosts", "snippets", "cookies", "storage")
RULES = Rules(Policy.of([Purpose(name) for name in BUILT_IN_PURPOSES], catalogue.load().values()))
SITE = "news.example"

every_service = pytest.mark.parametrize("name", ENTRIES)


def test_there_are_about_a_hundred_one_to_a_line_in_the_alphabets_order() -> None:
    assert len(ENTRIES) == 100
    assert list(ENTRIES) == sorted(ENTRIES)
    lines = TEXT.splitlines()
    assert [line.partition(":")[0] for line in lines[3:-2]] == [f'"{name}"' for name in ENTRIES]


@every_service
def test_an_entry_has_what_it_must_and_nothing_else(name: str) -> None:
    entry = ENTRIES[name]
    assert re.fullmatch(r"[a-z][a-z0-9-]{1,31}", name)
    assert list(entry) == [key for key in KEYS if key in entry], "keys in their order, none unknown"
    assert all(isinstance(entry[key], str) and entry[key].strip() == entry[key] != "" for key in ("title", "provider"))
    assert len(entry["title"]) <= 32, "a title is a name, which visitors read"
    assert entry["purposes"]
    assert set(entry["purposes"]) <= set(BUILT_IN_PURPOSES)
    assert entry["confidence"] in CONTENT["_about"]["confidence"]
    assert entry.get("kind", "video") in {"video", "map", "social"}
    assert any(key in entry for key in ("hosts", "snippets", "cookies", "storage"))
    for key in ("hosts", "snippets", "cookies", "storage"):
        assert entry.get(key) != [], "what is empty is left out"
        spelt = [json.dumps(item, sort_keys=True) for item in entry.get(key, ())]
        assert len(spelt) == len(set(spelt))


@every_service
def test_an_entry_becomes_the_service(name: str) -> None:
    entry, service = ENTRIES[name], catalogue.load()[name]
    assert (service.name, service.title, service.provider) == (name, entry["title"], entry["provider"])
    assert service.purposes == tuple(entry["purposes"])
    assert service.hosts == tuple(entry.get("hosts", ()))
    assert service.snippets == tuple(entry.get("snippets", ()))
    assert service.storage == tuple(entry.get("storage", ()))
    assert [(one.name, one.days, one.third_party) for one in service.cookies] == [
        (one["name"], one["days"], one.get("third_party", False)) for one in entry.get("cookies", ())
    ]


#: Hosts that many sites use for things of their own: known by a path there, never as a whole.
SHARED = (
    "www.google.com", "google.com", "www.gstatic.com", "ajax.googleapis.com", "apis.google.com", "cdn.jsdelivr.net", "unpkg.com",
    "cdnjs.cloudflare.com", "www.youtube.com", "youtube.com", "vimeo.com", "www.facebook.com", "facebook.com", "www.instagram.com",
    "www.linkedin.com", "t.co", "x.com", "twitter.com", "www.bing.com", "c.bing.com", "www.openstreetmap.org", "disqus.com",
    "yastatic.net", "www.paypal.com", "example.cloudfront.net", "example.s3.amazonaws.com", "example.github.io",
    "example.blob.core.windows.net", "www.zendesk.com", "plausible.io", "open.spotify.com", "www.redditstatic.com",
    "cdn.ampproject.org",
)  # fmt: skip


@every_service
def test_a_host_is_in_its_one_spelling(name: str) -> None:
    for host in ENTRIES[name].get("hosts", ()):
        assert host_pattern(host) == host


def test_no_two_services_claim_the_same_address() -> None:
    owners = Counter(host for entry in ENTRIES.values() for host in entry.get("hosts", ()))
    assert [host for host, times in owners.items() if times > 1] == []


@pytest.mark.parametrize("host", SHARED)
def test_a_host_that_many_share_is_not_held_as_a_whole(host: str) -> None:
    assert RULES.services_for_url(f"https://{host}/", SITE) == ()
    assert RULES.services_for_url(f"https://{host}/some/page.html", SITE) == ()


#: What vendors tell sites to paste, or what it loads.
ADDRESSES = {
    "https://www.googletagmanager.com/gtag/js?id=G-ABC": "google-analytics",
    "https://www.googletagmanager.com/gtag/js?id=AW-123": "google-ads",
    "https://www.googletagmanager.com/gtag/js?id=DC-123": "google-ads",
    "https://www.googletagmanager.com/gtm.js?id=GTM-ABC": "google-tag-manager",
    "https://www.googletagmanager.com/ns.html?id=GTM-ABC": "google-tag-manager",
    "https://region1.google-analytics.com/g/collect?v=2": "google-analytics",
    "https://stats.g.doubleclick.net/g/collect": "google-analytics",
    "https://securepubads.g.doubleclick.net/tag/js/gpt.js": "google-ad-manager",
    "https://ad.doubleclick.net/activity": "google-ads",
    "https://connect.facebook.net/en_US/fbevents.js": "meta-pixel",
    "https://connect.facebook.net/de_DE/sdk.js#xfbml=1": "facebook-social",
    "https://www.facebook.com/tr?id=1&ev=PageView&noscript=1": "meta-pixel",
    "https://www.facebook.com/plugins/video.php?href=x": "facebook-social",
    "https://www.youtube.com/embed/dQw4w9WgXcQ": "youtube",
    "https://youtube.com/embed/dQw4w9WgXcQ": "youtube",
    "https://www.youtube-nocookie.com/embed/dQw4w9WgXcQ": "youtube",
    "https://youtube-nocookie.com/embed/dQw4w9WgXcQ": "youtube",
    "https://www.youtube.com/live_chat?v=x": "youtube",
    "https://i.ytimg.com/vi/x/hqdefault.jpg": "youtube",
    "https://player.vimeo.com/video/1": "vimeo",
    "https://vimeo.com/event/1/embed": "vimeo",
    "https://www.instagram.com/p/Cabc/embed/captioned/": "instagram",
    "//www.instagram.com/embed.js": "instagram",
    "https://www.google.com/maps/embed?pb=1": "google-maps",
    "https://www.google.com/maps/d/embed?mid=1": "google-maps",
    "https://maps.google.com/maps?q=Paris&output=embed": "google-maps",
    "https://maps.google.com/?q=Paris&output=embed": "google-maps",
    "https://www.google.com/recaptcha/api.js": "google-recaptcha",
    "https://calendly.com/someone/30min": "calendly",
    "https://form.typeform.com/to/abc": "typeform",
    "https://assets.pinterest.com/ext/embed.html?id=1": "pinterest-tag",
    "https://go.pardot.com/l/1/2/3": "pardot",
    "https://app.posthog.com/static/array.js": "posthog",
    "https://heapanalytics.com/js/heap-1.js": "heap",
    "https://js-eu1.hs-scripts.com/1.js": "hubspot",
    "https://stats.news.example/js/matomo.js": "matomo",
    "/matomo/matomo.php?idsite=1": "matomo",
    "/_vercel/insights/script.js": "vercel-analytics",
    "https://www.clarity.ms/tag/abc": "microsoft-clarity",
    "https://static.hotjar.com/c/hotjar-1.js?sv=6": "hotjar",
    "https://fonts.googleapis.com/css2?family=Inter": "google-fonts",
    "https://www.dailymotion.com/embed/video/x": "dailymotion",
    "https://cdn.ampproject.org/v0/amp-analytics-0.1.js": "amp-analytics",
    "https://cdn.ampproject.org/v0/amp-ad-0.1.mjs": "amp-ads",
    "https://cdn.ampproject.org/v0/amp-twitter-latest.js": "x-embed",
}


@pytest.mark.parametrize(("url", "name"), ADDRESSES.items())
def test_what_a_vendor_tells_sites_to_load_is_known(url: str, name: str) -> None:
    assert [service.name for service in RULES.services_for_url(url, SITE)] == [name]


def named(groups: Iterable[tuple[Service, ...]]) -> set[str]:
    return {service.name for group in groups for service in group}


LOADERS = {
    "window.dataLayer = window.dataLayer || []; function gtag(){dataLayer.push(arguments);} gtag('js', new Date());": "google-analytics",
    "(function(w,d,s,l,i){w[l]=w[l]||[];w[l].push({'gtm.start':new Date().getTime(),event:'gtm.js'});})": "google-tag-manager",
    "gtag('event', 'conversion', {'send_to': 'AW-123/abc'});": "google-ads",
    "!function(f,b,e,v,n,t,s){if(f.fbq)return;}(window); fbq('init', '1');": "meta-pixel",
    "(function(h,o,t,j,a,r){h._hjSettings={hjid:1,hjsv:6};})(window,document);": "hotjar",
    "var _paq = window._paq = window._paq || []; _paq.push(['trackPageView']);": "matomo",
    "!function(e,i){if(!e.pixie){}}(window); pixie('init', '123');": "xandr",
    "!function(w,d,s,t,a){}(window,document); amzn('setRegion', 'EU');": "amazon-ads",
    "_linkedin_partner_id = '1';": "linkedin-insight",
    "ttq.load('ABC');": "tiktok-pixel",
    "ym(1, 'init', {});": "yandex-metrica",
}


@pytest.mark.parametrize(("script", "name"), LOADERS.items())
def test_what_a_vendor_tells_sites_to_write_inline_is_known(script: str, name: str) -> None:
    assert name in named(RULES.services_for_script(script, SITE))


#: Scripts of sites' own, that must run.
INNOCENT = (
    "window.dataLayer = window.dataLayer || []; dataLayer.push({event: 'cart', items: []});",
    "window.vaq = []; var value = window.value; window.variable = 1;",
    "document.getElementById('fb-root'); var et_pb_custom = {}; s.t(); pixies('init');",
    "var share = 'sharethis'; const algorithm = () => 1; obj.ohj(1); my.gym(2);",
    "import('/static/app.js').then(m => m.init()); fetch('/api/load');",
    "const links = {youtube: 'https://www.youtube.com/@news', map: 'https://www.google.com/maps', x: 'https://x.com/news'};",
    "analyticsEnabled = false; mixpanelish(); track('x'); plausibleDeniability(1);",
)


@pytest.mark.parametrize("script", INNOCENT)
def test_a_script_of_the_sites_own_is_not_taken_for_a_loader(script: str) -> None:
    assert RULES.services_for_script(script, SITE) == ()


@every_service
def test_snippets_and_storage_keys_say_something(name: str) -> None:
    for text in ENTRIES[name].get("snippets", ()):
        assert snippet(text) == text == text.strip()
    for key in ENTRIES[name].get("storage", ()):
        assert storage_key(key) == key
        assert len(key.replace("*", "")) >= 3


#: Cookies and storage keys of frameworks and shops: never a vendor's.
OWN_NAMES = (
    "sessionid", "csrftoken", "session", "sid", "JSESSIONID", "PHPSESSID", "connect.sid", "laravel_session", "XSRF-TOKEN",
    "remember_token", "wordpress_logged_in_1", "django_language", "messages", "cart", "basket", "lang", "locale", "theme",
    "consent", "__Host-consent", "__Secure-session", "token", "auth", "user", "id", "uid", "ASP.NET_SessionId", "flash",
)  # fmt: skip


@every_service
def test_a_cookies_pattern_is_the_vendors_alone(name: str) -> None:
    for cookie in ENTRIES[name].get("cookies", ()):
        pattern, days = cookie["name"], cookie["days"]
        assert set(cookie) <= {"name", "days", "third_party"}
        assert cookie.get("third_party", True) is True, "first party is left out"
        assert re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}", pattern)
        assert days is None or (not isinstance(days, bool) and 0 <= days <= 10_950)
        if not cookie.get("third_party"):
            assert len(pattern.replace("*", "")) >= 3
            assert not [own for own in OWN_NAMES if re.fullmatch(wildcard(pattern), own)]
        if "*" in pattern:
            assert len(pattern.replace("*", "")) >= 2
    for key in ENTRIES[name].get("storage", ()):
        assert not [own for own in OWN_NAMES if re.fullmatch(wildcard(key), own)]


def test_part_of_a_day_is_a_whole_number_of_minutes() -> None:
    """0.02 days would be shown as 29 minutes, where the vendor says 30."""
    usual = {1, 5, 10, 15, 30, 240, 1200}
    days = {one["days"] for entry in ENTRIES.values() for one in entry.get("cookies", ()) if one["days"]}
    assert {max(1, round(day * 1440)) for day in days if day < 1} <= usual


def test_services_of_one_necessary_purpose_are_few() -> None:
    """What is necessary is never held: a mistake here would let a tracker through."""
    necessary = {name for name, entry in ENTRIES.items() if "necessary" in entry["purposes"]}
    assert necessary == {"cloudflare", "cloudflare-turnstile", "hcaptcha", "paypal", "stripe"}


def test_the_catalogue_cannot_be_changed() -> None:
    known = catalogue.load()
    assert catalogue.load() is known
    with pytest.raises(TypeError):
        known["youtube"] = known["vimeo"]  # type: ignore[index]


@pytest.mark.parametrize(
    "asks",
    ["import consent", "import consent; consent.read_settings({'undeclared': 'allow'}, keys='f3qH-0tXz9vLm2Ws8Kd1')"],
)
def test_the_catalogue_is_read_when_it_is_asked_for_and_not_before(asks: str) -> None:
    program = f"""
import sys
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
{asks}
before = [name for name in opened if name.endswith("catalogue.json")]
from consent.policy import catalogue
catalogue.load()
after = [name for name in opened if name.endswith("catalogue.json")]
print(len(before), len(after))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["0", "1"]
