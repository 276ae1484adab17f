"""The tests of Django's door, on the oldest Django that is supported and on the newest that pip finds.

Here is run what this environment has not; it has the long-term release in between. Each Django is in an environment of its
own under ``build/``, made once and brought up to date each time.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

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


def _pythons() -> Iterator[str]:
    """Pythons of this machine, the newest first."""
    names = [f"python3.{minor}" for minor in range(20, sys.version_info.minor, -1)]
    yield from filter(None, map(shutil.which, names))
    kept = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [path for path in kept.glob("3.*/bin/python3") if re.fullmatch(r"3\.\d+\.\d+", path.parts[-3])]
    yield from map(str, sorted(found, key=lambda path: [*map(int, path.parts[-3].split("."))], reverse=True))


def _newest_python() -> str:
    """A Django that is new needs a Python that is: the newest of this machine, and this one if there is no newer."""
    code = f"import sys, venv, ensurepip; sys.exit(sys.version_info < {tuple(sys.version_info[:2])})"
    for python in _pythons():
        if subprocess.run([python, "-c", code], capture_output=True, check=False).returncode == 0:
            return python
    return sys.executable


def _environment(name: str, python: str, packages: tuple[str, ...]) -> str:
    """The Python of an environment that has these packages, and this library."""
    folder = ROOT / "build" / f"django-{name}"
    inside = folder / "bin" / "python"
    if not inside.exists():
        subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
    pip = [inside, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", "--upgrade"]
    known = subprocess.run([inside, "-c", "import consent"], capture_output=True, check=False).returncode == 0
    ours = [] if known else ["--editable", str(ROOT)]
    run = subprocess.run(
        [*pip, *packages, "hypothesis", "jinja2", "pytest", *ours], capture_output=True, text=True, check=False
    )
    if run.returncode:
        pytest.fail(HOW_PIP.format(what=" ".join(packages), said=run.stderr), pytrace=False)
    return str(inside)


@pytest.mark.parametrize("name", ["oldest", "newest"])
def test_the_door_is_the_same_on(name: str) -> None:
    python = (
        _environment(name, sys.executable, OLDEST) if name == "oldest" else _environment(name, _newest_python(), NEWEST)
    )
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *_tests()]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert re.search(r"\d\d passed", run.stdout), run.stdout
    assert "skipped" not in run.stdout
