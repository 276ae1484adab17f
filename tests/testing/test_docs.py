"""The code in docs/testing.md runs, as the tests of a site."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest_plugins = "pytester"

TEXT = (Path(__file__).parents[2] / "docs/testing.md").read_text("utf-8")
CONFTEST = """
import flask, pytest
from consent.flask import Consent

@pytest.fixture
def app():
    app = flask.Flask("site")
    app.config["SECRET_KEY"] = "a secret for tests that is long enough"
    app.config["CONSENT"] = {"services": ["google-analytics", "youtube"], "region": "header:X-Region"}
    Consent(app)

    @app.get("/")
    def front():
        return '<!doctype html><html><body><script src="https://www.google-analytics.com/a.js"></script></body></html>'

    return app
"""


def test_the_code_runs(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\naddopts = -p no:cacheprovider -p no:django -p no:xdist -p no:cov\n")
    pytester.makeconftest(CONFTEST)
    code = "\n".join(re.findall(r"^```python\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE))
    pytester.makepyfile(code)
    pytester.runpytest_inprocess("-W", "error").assert_outcomes(passed=code.count("def test_"))
    assert not [*pytester.path.glob("*.db*")]


def test_every_public_name_is_told_of() -> None:
    import consent.testing

    assert {name for name in consent.testing.__all__ if name not in TEXT} <= {"ConsentLog", "ListStore"}
