"""Every requirement of laws and standards is shown by tests that exist, or is said not to be offered; the pages say so."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import law

GROUPS = law.read()["group"]
EVERY = [each for group in GROUPS for each in group["requirement"]]
#: How many there are of each kind: none is lost.
COUNTS = {
    "EU": 12, "FR": 2, "ES": 1, "IT": 1, "DE": 1, "UK": 2, "CH": 1, "QC": 1, "BR": 1, "GPC": 10, "REC": 5, "A11Y": 6,
    "CK": 8, "VS": 8, "GPP": 5, "TCF": 9,
}  # fmt: skip
NOT_OFFERED = {"DE-01", "GPC-10", *(f"TCF-0{number}" for number in range(1, 9))}


def test_none_is_missing_and_each_is_there_once_in_its_group() -> None:
    ids = [each["id"] for each in EVERY]
    assert len(ids) == len(set(ids)) == 73
    assert {group["id"]: len(group["requirement"]) for group in GROUPS} == COUNTS
    for group in GROUPS:
        expected = [f"{group['id']}-{number:02}" for number in range(1, COUNTS[group["id"]] + 1)]
        assert [each["id"] for each in group["requirement"]] == expected


@cache
def claims_in(path: str) -> set[str]:
    """The names of the tests that pytest collects from a file: functions of the module, with their names as claims."""
    tree = ast.parse((law.ROOT / path).read_text("utf-8"))
    functions = (node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))
    return {node.name for node in functions if node.name.startswith("test_") and not _left_out(node)}


def _left_out(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a test is skipped, or expected to fail, wherever it runs."""
    marks = [ast.unparse(decorator) for decorator in function.decorator_list]
    return any(re.match(r"pytest\.mark\.(?:skip\b|xfail\b)", mark) for mark in marks)


@pytest.mark.parametrize("each", EVERY, ids=lambda each: str(each["id"]))
def test_a_requirement_is_shown_by_tests_that_exist_or_is_said_not_to_be_offered(each: dict[str, Any]) -> None:
    assert each.keys() <= {"id", "asks", "sources", "confidence", "does", "tests", "owner", "not_offered"}
    assert each["asks"].endswith(".")
    assert each["sources"]
    assert each["confidence"] in {"official", "secondary", "unverified"}
    if each["id"] in NOT_OFFERED:
        assert each["not_offered"].endswith(".")
        assert "tests" not in each
        return
    assert each["does"].endswith(".")
    assert each["tests"]
    for test in each["tests"]:
        path, _, name = test.partition("::")
        assert name in claims_in(path), test


@pytest.mark.parametrize("path", law.pages(), ids=lambda path: path.name)
def test_a_page_is_what_would_be_made_of_it(path: Path) -> None:
    assert path.read_text("utf-8") == law.pages()[path], "run: make compliance"


def test_an_officer_finds_each_requirement_what_is_done_and_what_is_left() -> None:
    text = law.compliance(law.read())
    assert "This is no legal advice." in text
    for each in EVERY:
        [entry] = re.findall(rf"^### {each['id']}\n(.*?)(?=^##|\Z)", text, flags=re.MULTILINE | re.DOTALL)
        assert each["asks"] in entry
        assert "**What consent does.**" in entry
        assert ("**What is yours.**" in entry) is ("owner" in each)
        assert ("**Shown by**" in entry) is ("tests" in each)


def test_links_lead_somewhere() -> None:
    for path, text in law.pages().items():
        for target in re.findall(r"\]\(([^)#]+)", text):
            assert (path.parent / target).exists(), target
