"""The examples in the modules' own words are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import consent

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(consent.__path__, "consent.")
    # Django's modules can be imported only where settings are.
    if not module.name.startswith("consent.django")
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_a_module_are_true(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name), raise_on_error=False)
    assert result.failed == 0


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    found = {name for name in MODULES for test in finder.find(importlib.import_module(name)) if test.examples}
    assert "consent.log.record" in found
