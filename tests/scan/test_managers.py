"""Other consent managers, as they are published, are found, refused, accepted and withdrawn from."""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from consent.scan.run import Plan, scan
from consent.scan.seen import Phase, Scan
from consent.scan.visit import Manner
from consent.scan.who import Owners
from find import browser

from . import planted as sites

MODULES = Path(__file__).parents[2] / "node_modules"
PHASES: tuple[Phase, ...] = ("before", "refused", "accepted", "withdrawn")
SCRIPT = "https://www.google-analytics.com/analytics.js"
#: What a site writes into its page: each holds one script until its purpose is allowed.
MANAGERS = {
    "vanilla-cookieconsent": f"""
<link rel="stylesheet" href="/node_modules/vanilla-cookieconsent/dist/cookieconsent.css">
<script src="/node_modules/vanilla-cookieconsent/dist/cookieconsent.umd.js"></script>
<script type="text/plain" data-category="analytics" data-src="{SCRIPT}"></script>
<button data-cc="show-preferencesModal">Cookies</button>
<script>
const words = {{ title: "Cookies", acceptAllBtn: "Accept", acceptNecessaryBtn: "Refuse" }};
CookieConsent.run({{
  categories: {{ necessary: {{ enabled: true, readOnly: true }}, analytics: {{ autoClear: {{ cookies: [{{ name: "_ga" }}] }} }} }},
  language: {{ default: "en", translations: {{ en: {{
    consentModal: words,
    preferencesModal: {{ ...words, savePreferencesBtn: "Save", sections: [{{ title: "Analytics", linkedCategory: "analytics" }}] }},
  }} }} }},
}});
</script>""",
    "Orejime": f"""
<script src="/node_modules/orejime/dist/orejime-standard-en.js" defer></script>
<link href="/node_modules/orejime/dist/orejime-standard.css" rel="stylesheet">
<script>
window.orejimeConfig = {{
  privacyPolicyUrl: "/privacy", purposes: [{{ id: "analytics", title: "Analytics", cookies: ["_ga"] }}],
}};
</script>
<template data-purpose="analytics"><script src="{SCRIPT}"></script></template>""",
    "tarteaucitron": f"""
<script src="/node_modules/tarteaucitronjs/tarteaucitron.min.js"></script>
<script>
tarteaucitron.init({{
  privacyUrl: "/privacy", bodyPosition: "top", orientation: "bottom", showIcon: false, removeCredit: true,
  DenyAllCta: true, AcceptAllCta: true, highPrivacy: true,
}});
tarteaucitron.services.stats = {{
  key: "stats", type: "analytic", name: "Stats", uri: "/privacy", needConsent: true, cookies: ["_ga"],
  js() {{ tarteaucitron.addScript("{SCRIPT}"); }},
}};
(tarteaucitron.job = tarteaucitron.job || []).push("stats");
</script>""",
    "cookieconsent by Osano": f"""
<link rel="stylesheet" href="/node_modules/cookieconsent/build/cookieconsent.min.css">
<script src="/node_modules/cookieconsent/build/cookieconsent.min.js"></script>
<script>
window.cookieconsent.initialise({{
  type: "opt-in", revokable: true, animateRevokable: false,
  onStatusChange(status) {{ if (status !== "allow") document.cookie = "_ga=; max-age=0; path=/"; }},
  onInitialise(status) {{
    if (status === "allow") document.head.append(Object.assign(document.createElement("script"), {{ src: "{SCRIPT}" }}));
  }},
}});
</script>""",
}

pytestmark = pytest.mark.browser


def site(fragment: str) -> sites.App:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path.startswith("/node_modules/"):
            file = MODULES / path.removeprefix("/node_modules/")
            assert file.is_file(), f"{file} is missing: npm ci brings it"
            start_response("200 OK", [("Content-Type", mimetypes.guess_type(path)[0] or "text/plain")])
            return [file.read_bytes()]
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        return [sites.page(f"<h1>Lamps</h1>{fragment}")]

    return app


def scanned(fragment: str) -> Scan:
    with sites.serving(site(fragment)) as port:
        plan = Plan(
            [f"https://{sites.SITE}/"],
            limit=1,
            phases=PHASES,
            program=browser(),
            manner=Manner(ignore_https_errors=True, screenshots=False, patience=8.0),
            hosts=dict.fromkeys(sites.HOSTS, f"127.0.0.1:{port}"),
        )
        return asyncio.run(scan(plan))


@pytest.mark.parametrize("name", MANAGERS)
def test_a_manager_is_found_refused_accepted_and_withdrawn_from(name: str) -> None:
    seen = scanned(MANAGERS[name])
    owners = Owners(seen.site)
    assert [(visit.phase, visit.problems) for visit in seen.visits if not visit.done] == []
    assert {visit.banner.name for visit in seen.of("before") if visit.banner} == {name}
    assert all(visit.banner.refusable for visit in seen.visits if visit.banner)
    called = {visit.phase for visit in seen.visits if any(owners.of_request(each).known for each in visit.requests)}
    assert called == {"accepted"}
