"""What was found, written down for people and for machines: whole, valid, and without harm from what a page says."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from dataclasses import replace
from html.parser import HTMLParser
from uuid import UUID
from xml.etree import ElementTree as ET

from consent.policy.settings import read_settings
from consent.scan import report
from consent.scan.judge import RULES, judge
from consent.scan.propose import propose
from consent.scan.seen import Banner, Call, Cookie, Request, Scan, Stored, Visit
from consent.scan.who import Owners

URL = "https://shop.example/?q=<script>alert(1)</script>"
VISIT = Visit(
    URL,
    "before",
    status=200,
    seconds=1.5,
    banner=Banner("Some", refusable=False),
    requests=(
        Request("https://www.google-analytics.com/g/collect?<b>", "www.google-analytics.com", "fetch", 0.5, third=True, by=(URL,)),
        Request("https://ads.stranger.example/", "ads.stranger.example", "image", 0.7, third=True),
    ),
    cookies=(Cookie("_ga", "shop.example", "/", 400, third=False, by="https://www.google-analytics.com/a.js", how="script"),),
    stored=(Stored("local", "https://shop.example", "<i>\x07", third=False),),
    calls=(Call("canvas.toDataURL", "", 3),),
    screenshot=b"\xff\xd8\xff",
)  # fmt: skip
SCAN = Scan("shop.example", 1_795_000_000, "Chromium 156", (VISIT,))
FINDINGS = judge(SCAN, Owners("shop.example"))


def test_json_has_all_that_was_seen_and_found() -> None:
    told = json.loads(report.as_json(SCAN, FINDINGS))
    assert told["v"] == 1
    assert {each["rule"] for each in told["findings"]} == {
        "service-without-consent", "stranger-without-consent", "cookie-without-consent", "unknown-storage",
        "telling-browsers-apart", "no-refusal",
    }  # fmt: skip
    (visit,) = told["visits"]
    assert visit["requests"][0]["by"] == [URL]
    assert "screenshot" not in visit


def test_sarif_names_each_rule_once_and_each_finding_the_same_every_day() -> None:
    first, again = (json.loads(report.sarif(SCAN, FINDINGS)) for _ in range(2))
    (run,) = first["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(rules) == len(set(rules))
    assert [rules[result["ruleIndex"]] for result in run["results"]] == [each.rule.id for each in FINDINGS]
    assert {result["level"] for result in run["results"]} <= {"error", "warning", "note"}
    assert [result["partialFingerprints"] for result in run["results"]] == [
        result["partialFingerprints"] for result in again["runs"][0]["results"]
    ]


def test_junit_has_a_test_for_each_rule() -> None:
    suite = ET.fromstring(report.junit(SCAN, FINDINGS).partition("\n")[2])
    failed = {case.get("name") for case in suite.iter("testcase") if case.find("failure") is not None}
    assert {case.get("name") for case in suite.iter("testcase")} == set(RULES)
    assert failed == {each.rule.id for each in FINDINGS if each.severity != "note"}
    assert suite.get("failures") == str(len(failed))


class _Loads(HTMLParser):
    """Collects what a page would load or run."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses |= {value for name, value in attrs if name in {"src", "href"} and value}


def test_the_page_loads_and_runs_nothing_whatever_the_site_said() -> None:
    page = _Loads()
    page.feed(report.html(SCAN, FINDINGS))
    assert page.tags.isdisjoint({"script", "link", "iframe"})
    assert "&lt;i&gt;" in report.html(SCAN, FINDINGS)
    assert all(address.startswith("data:image/jpeg") for address in page.addresses)


def test_the_page_shows_findings_with_their_evidence_and_the_phases_of_each_thing() -> None:
    page = report.html(SCAN, FINDINGS)
    for finding in FINDINGS:
        assert finding.rule.remedy.replace("'", "&#39;") in page
    assert "https://www.google-analytics.com/g/collect?&lt;b&gt;" in page
    assert "data:image/jpeg;base64,/9j/" in page


def test_of_a_scan_without_findings_the_page_says_so() -> None:
    calm = Scan("shop.example", 1_795_000_000, "Chromium 156", (Visit("https://shop.example/", "before", status=200),))
    assert "Nothing was found that should not be." in report.html(calm, ())


def keeping(keys: Iterable[str]) -> Visit:
    stored = tuple(Stored("local", "https://shop.example", key, third=False) for key in keys)
    return replace(VISIT, cookies=(), stored=stored)


def test_keys_that_differ_in_their_numbers_alone_are_one_finding_and_one_setting() -> None:
    keys = (*(f"visit_{number}.5" for number in range(300)), "page_1", "page_2")
    scan = replace(SCAN, visits=(keeping(keys), keeping(["visit_7"])))
    found = [each.subject for each in judge(scan, Owners(scan.site)) if each.rule.id == "unknown-storage"]
    assert found == ["page_1", "page_2", "visit_*"]
    proposed = tomllib.loads(propose(scan))
    assert proposed["services"]["own"]["storage"] == ["visit_*", "page_1", "page_2"]


def test_what_is_proposed_loads_whatever_the_names_of_keys_and_cookies() -> None:
    numbers = [
        *map(str, range(5)),
        *(f"{number}-{number}" for number in range(9)),
        *(str(UUID(int=n)) for n in range(5)),
    ]
    nameless = Cookie("", "shop.example", "/", 1, third=False)
    strange = Cookie("*", "x.stranger.example", "/", 1, third=True)
    visit = replace(keeping([*numbers, "", "*", "\x1b[31m", "k" * 300]), cookies=(nameless, strange))
    proposed = propose(replace(SCAN, visits=(visit,)))
    policy = read_settings(tomllib.loads(proposed), keys="a key for these tests alone, long enough").policy
    services = {service.name: service for service in policy.services}
    assert services["own"].storage == tuple(numbers)
    assert services["stranger-example"].hosts == ("ads.stranger.example",)
    assert '# a cookie that no setting can name: ""' in proposed.splitlines()
    assert r'# a key that no setting can name: "\u001b[31m"' in proposed.splitlines()


def test_what_no_setting_can_name_is_no_service() -> None:
    alone = propose(replace(SCAN, visits=(replace(keeping([""]), requests=()),)))
    assert "services" not in tomllib.loads(alone)
