"""Pages of AMP: what the browser loads by itself, and what AMP's own scripts would load for it."""

from __future__ import annotations

import pytest

from consent.gate import Gate, Held
from consent.policy.settings import read_settings

SETTINGS = read_settings(
    {"services": ["google-analytics", "youtube", "amp-analytics"]}, keys="a key for the pages of this test"
)
RUNTIME = '<script async src="https://cdn.ampproject.org/v0.js"></script>'


def gated(page: str, *allowed: str) -> tuple[str, list[Held]]:
    gate = Gate(SETTINGS.policy, allowed, site="site.example", charset="utf-8")
    out = gate.feed(page.encode()) + gate.finish()
    return out.decode(), gate.held


def extension(name: str) -> str:
    return f'<script async custom-element="{name}" src="https://cdn.ampproject.org/v0/{name}-0.1.js"></script>'


@pytest.mark.parametrize("html", ["<html ⚡>", "<html amp>", '<html ⚡4email data-ampdevmode="">'])
def test_of_amps_scripts_those_are_held_that_call_others(html: str) -> None:
    used = "".join(map(extension, ("amp-analytics", "amp-ad", "amp-youtube", "amp-carousel", "amp-consent")))
    out, found = gated(f"<!doctype html>{html}<head>{RUNTIME}{used}</head><body></body></html>")
    assert [(each.service, each.reason) for each in found] == [
        ("amp-analytics", "declared"),
        ("amp-ads", "undeclared"),
        ("youtube", "declared"),
    ]
    assert RUNTIME in out
    assert extension("amp-carousel") + extension("amp-consent") in out


@pytest.mark.parametrize(
    "element",
    [
        '<amp-pixel src="https://www.google-analytics.com/collect?v=1" layout="nodisplay"></amp-pixel>',
        '<amp-img src="https://www.google-analytics.com/a.gif" width="1" height="1"></amp-img>',
        '<amp-img src="/a.png" srcset="/a.png 1x, https://www.google-analytics.com/a.png 2x"></amp-img>',
        '<amp-iframe src="https://www.google-analytics.com/" sandbox="allow-scripts"></amp-iframe>',
        '<amp-video poster="https://www.google-analytics.com/a.png"></amp-video>',
    ],
)
def test_addresses_that_amps_runtime_would_load_are_held(element: str) -> None:
    out, [found] = gated(element)
    assert (found.service, found.tag) == ("google-analytics", element[1:].partition(" ")[0])
    assert ' src="https' not in out
    assert gated(element, "analytics") == (element, [])


def test_what_analytics_is_set_up_with_stays_and_is_told_to_nobody_without_its_script() -> None:
    """The element is nothing before its script runs, and its configuration is data."""
    element = (
        '<amp-analytics type="googleanalytics" config="https://www.google-analytics.com/a.json">'
        '<script type="application/json">{"vars": {"account": "UA-1"}}</script></amp-analytics>'
    )
    assert gated(element) == (element, [])
    out, found = gated(extension("amp-analytics") + element)
    assert [each.tag for each in found] == ["script"]
    assert out.endswith(element)
    assert gated(extension("amp-analytics") + element, "analytics")[1] == []
