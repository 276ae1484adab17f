"""Findings for machines: JSON with all that was seen, SARIF 2.1.0 for code scanning, JUnit's XML for test reports."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import version
from typing import Any
from xml.etree import ElementTree as ET

from ..judge import RULES, Finding
from ..seen import Scan, Visit

__all__ = ["as_json", "junit", "sarif"]

_LEVELS = {"error": "error", "warning": "warning", "note": "note"}


def as_json(scan: Scan, findings: Sequence[Finding]) -> str:
    """All that was seen and found, without the screenshots. ``v`` counts the format's versions."""
    content = {
        "v": 1,
        "site": scan.site,
        "began": datetime.fromtimestamp(scan.began, UTC).isoformat(),
        "browser": scan.browser,
        "scanner": f"cookie-consent {version('cookie-consent')}",
        "findings": [_finding(each) for each in findings],
        "visits": [_visit(each) for each in scan.visits],
    }
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def _finding(finding: Finding) -> Mapping[str, Any]:
    return {
        "rule": finding.rule.id,
        "severity": finding.severity,
        "subject": finding.subject,
        "text": finding.text,
        "remedy": finding.rule.remedy,
        "phases": finding.phases,
        "pages": finding.pages,
        "evidence": finding.evidence,
    }


def _visit(visit: Visit) -> Mapping[str, Any]:
    content = asdict(visit)
    del content["screenshot"]
    return content


def sarif(scan: Scan, findings: Sequence[Finding]) -> str:
    """The findings as SARIF 2.1.0 (OASIS): a rule each, and a result, with its pages."""
    everywhere = tuple(dict.fromkeys(visit.url for visit in scan.visits))[:1]
    rules = {finding.rule.id: finding.rule for finding in findings}
    numbers = {name: number for number, name in enumerate(rules)}
    content = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "consent scan",
                        "version": version("cookie-consent"),
                        "rules": [
                            {
                                "id": rule.id,
                                "shortDescription": {"text": rule.title},
                                "help": {"text": rule.remedy},
                                "defaultConfiguration": {"level": _LEVELS[rule.severity]},
                            }
                            for rule in rules.values()
                        ],
                    }
                },
                "results": [
                    {
                        "ruleId": finding.rule.id,
                        "ruleIndex": numbers[finding.rule.id],
                        "level": _LEVELS[finding.severity],
                        "message": {"text": "\n".join((f"{finding.text}.", *finding.evidence[:5]))},
                        "locations": [
                            # GitHub takes no result without a location.
                            {"physicalLocation": {"artifactLocation": {"uri": page}}}
                            for page in finding.pages[:10] or everywhere
                        ],
                        # The same finding of another day is the same.
                        "partialFingerprints": {"consentFinding/v1": _fingerprint(finding)},
                    }
                    for finding in findings
                ],
            }
        ],
    }
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def _fingerprint(finding: Finding) -> str:
    return sha256(f"{finding.rule.id}\0{finding.subject}".encode()).hexdigest()[:32]


def junit(scan: Scan, findings: Sequence[Finding]) -> str:
    """The findings as JUnit's XML: a test for each rule, which failed where something was found."""
    by_rule = {rule: [finding for finding in findings if finding.rule.id == rule] for rule in RULES}
    failed = sum(any(each.severity != "note" for each in found) for found in by_rule.values())
    suite = ET.Element(
        "testsuite", name=f"consent scan {scan.site}", tests=str(len(RULES)), failures=str(failed), errors="0"
    )
    for name, found in by_rule.items():
        case = ET.SubElement(suite, "testcase", classname="consent.scan", name=name)
        told = "\n\n".join("\n".join((each.text, *each.pages, *each.evidence)) for each in found)
        if any(each.severity != "note" for each in found):
            ET.SubElement(case, "failure", message=RULES[name].title, type=RULES[name].severity).text = _printable(told)
        elif found:
            ET.SubElement(case, "system-out").text = _printable(told)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(suite, encoding="unicode") + "\n"


def _printable(text: str) -> str:
    """A text without what XML 1.0 has no place for (its production 2)."""
    return re.sub("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)
