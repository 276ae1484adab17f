"""docs/django.md has a line for each check, and what it shows runs."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "django.md").read_text("utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)


def test_every_check_has_its_line_and_no_other_has() -> None:
    code = (ROOT / "src" / "consent" / "django" / "checks.py").read_text("utf-8")
    assert sorted(re.findall(r"^\| `(consent\.\w\d+)`", TEXT, re.MULTILINE)) == sorted(
        set(re.findall(r"consent\.[EWI]\d+", code))
    )


def test_the_first_set_up_is_one_install_and_three_lines_that_the_tests_use() -> None:
    from test_django_checks import LINES

    assert TEXT.index("pip install") < TEXT.index(BLOCKS[0])
    assert BLOCKS[0].strip() == LINES.strip()
    assert len(BLOCKS[0].strip().splitlines()) == 3


@pytest.mark.parametrize("code", BLOCKS, ids=lambda code: code.strip().splitlines()[0][:40])
def test_what_it_shows_runs(code: str) -> None:
    from djangos import serve

    serve(lambda request: None)
    names: dict[str, Any] = {"INSTALLED_APPS": [], "MIDDLEWARE": [], "__file__": __file__}
    if "django.utils.csp" in code:  # Django 6
        ast.parse(code)
        return
    exec(compile(code, "docs/django.md", "exec"), names)
    if "CONSENT" in names:
        from consent.policy.settings import read_settings

        read_settings(names["CONSENT"], keys="f3qH-0tXz9vLm2Ws8Kd1")
    if "TEMPLATES" in names:
        from django.template import engines
        from django.test.utils import override_settings

        with override_settings(TEMPLATES=names["TEMPLATES"]):
            assert engines.all()[0].from_string("{{ 1 }}").render() == "1"
    if "tell" in names:
        from consent.django.signals import decision_recorded

        assert decision_recorded.disconnect(names["tell"])


def test_its_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", TEXT):
        assert (ROOT / "docs" / target).exists(), target
