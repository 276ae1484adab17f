"""The examples' own tests, in a pytest of their own: they use the plugin as a site does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


def test_each_example_of_one_file_has_tests() -> None:
    assert [path.name for path in sorted(EXAMPLES.glob("test_*_site.py"))] == [
        f"test_{path.name}" for path in sorted(EXAMPLES.glob("*_site.py")) if not path.name.startswith("test_")
    ]


@pytest.mark.parametrize(
    "tests", [*sorted(EXAMPLES.glob("test_*_site.py")), EXAMPLES / "flask_factory"], ids=lambda path: path.stem
)
def test_they_pass_and_leave_nothing_behind(tests: Path, tmp_path: Path) -> None:
    """Each in a process of its own: beside a Django site, every test has pytest-django's ``client``."""
    options = ["-q", "-W", "error", "-p", "no:cacheprovider", "-c", EXAMPLES / "pytest.ini"]
    environ = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options, tests],
        cwd=tmp_path, env=environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    assert [*tmp_path.iterdir()] == []
