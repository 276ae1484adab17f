"""The tests of Django's door, on the oldest Django that is supported and on the newest that pip finds.

Here is run what this environment has not; it has the long-term release in between. Each Django is in an environment of its
own under ``build/``, made once and brought up to date each time.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pythons import newest_python

ROOT = Path(__file__).parents[2]
#: What a Django is tested with.
OLDEST = ("django~=4.2.0", "django-csp<4")
NEWEST = ("django", "django-csp")
HOW_PIP = "pip could not bring {what}; it needs a network, or an index that has it (pip config set global.index-url …):\n{said}"


def _tests() -> list[str]:
    here = Path(__file__).parent
    needed = [
        name for name in ("test_django.py", "test_django_cache.py", "test_django_checks.py") if (here / name).exists()
    ]
    return [str(here / name) for name in (*needed, "test_django_csp.py", "test_django_site.py")]


def _environment(name: str, python: str, packages: tuple[str, ...]) -> str:
    """The Python of an environment that has these packages, and this library."""
    folder = ROOT / "build" / f"django-{name}"
    inside = folder / "bin" / "python"
    if not inside.exists():
        subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
    pip = [inside, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", "--upgrade"]
    # Not editable: what another Python compiles is to stay out of the source, which other tests run at the same time.
    run = subprocess.run(
        [*pip, *packages, "hypothesis", "jinja2", "pytest", ROOT], capture_output=True, text=True, check=False
    )
    if run.returncode:
        pytest.fail(HOW_PIP.format(what=" ".join(packages), said=run.stderr), pytrace=False)
    return str(inside)


@pytest.mark.parametrize("name", ["oldest", "newest"])
def test_the_door_is_the_same_on(name: str) -> None:
    python = (
        _environment(name, sys.executable, OLDEST) if name == "oldest" else _environment(name, newest_python(), NEWEST)
    )
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "pythonpath=tools", *_tests()]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert re.search(r"\d\d passed", run.stdout), run.stdout
    assert "skipped" not in run.stdout
