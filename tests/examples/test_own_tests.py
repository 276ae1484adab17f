"""The examples' own tests, in a pytest of their own: they use the plugin as a site does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


def test_each_example_of_one_file_has_tests() -> None:
    assert [path.name for path in sorted(EXAMPLES.glob("test_*_site.py"))] == [
        f"test_{path.name}" for path in sorted(EXAMPLES.glob("*_site.py")) if not path.name.startswith("test_")
    ]


def test_they_pass_and_leave_nothing_behind(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-W",
        "error",
        "-p",
        "no:cacheprovider",
        "-c",
        EXAMPLES / "pytest.ini",
    ]
    environ = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    run = subprocess.run(
        [*command, *sorted(EXAMPLES.glob("test_*_site.py"))],
        cwd=tmp_path, env=environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    assert [*tmp_path.iterdir()] == []
