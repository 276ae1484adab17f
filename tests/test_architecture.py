"""The house keeps its rules: who imports whom, what an import loads, who may know what."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from consent.policy.policy import BUILT_IN_PURPOSES
from consent.policy.regime import PRESETS

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "consent"
PURE_LOG = ("record", "tombstone", "tree", "note", "checkpoint", "iso27560")
PURE = ("errors.py", "policy", "visitor", "gate", "banner", "exchange", *(f"log/{name}.py" for name in PURE_LOG))
DOORS = ("wsgi", "asgi", "fastapi.py", "flask", "django")


def files(*names: str) -> list[Path]:
    paths = [SOURCE / name for name in names]
    return [file for path in paths for file in (sorted(path.rglob("*.py")) if path.is_dir() else [path])]


def test_rooms_import_only_what_they_may() -> None:
    # In a process of its own: import-linter sets up logging, and silences every logger that is there already.
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "3 kept, 0 broken" in run.stdout


def loaded_by(statement: str) -> set[str]:
    """The modules that a fresh interpreter has after a statement."""
    code = f"{statement}\nimport sys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(run.stdout.split())


def test_importing_the_package_loads_no_framework_no_database_and_no_catalogue() -> None:
    loaded = loaded_by("import consent")
    strangers = {"flask", "django", "werkzeug", "sqlite3", "psycopg", "asyncio", "http.server", "cryptography", "tqdm"}
    assert loaded & strangers == set()
    assert "read" not in loaded_by(
        "import consent.policy.catalogue as c; c.load.cache_info().currsize and print('read')"
    )


@pytest.mark.parametrize(
    ("door", "stranger"),
    [
        ("consent.flask", "django"),
        ("consent.django.apps", "flask"),
        ("consent.wsgi", "flask"),
        ("consent.asgi", "starlette"),
        ("consent.fastapi", "flask"),
        ("consent.asgi", "asgiref"),
    ],
)
def test_a_door_does_not_load_another_framework(door: str, stranger: str) -> None:
    assert stranger not in loaded_by(f"import {door}")


def calls(path: Path) -> set[str]:
    """The dotted names that a file calls or hands on: ``time.time``, ``datetime.now``."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found.add(f"{node.value.id}.{node.attr}")
    return found


@pytest.mark.parametrize("path", files(*PURE), ids=lambda path: str(path.relative_to(SOURCE)))
def test_what_decides_asks_no_clock_and_no_dice(path: Path) -> None:
    impure = {
        "datetime.now",
        "datetime.utcnow",
        "datetime.today",
        "date.today",
        "os.urandom",
        "os.environ",
        "os.getenv",
    }
    assert calls(path) & impure == set()


def words(path: Path) -> set[str]:
    """The texts in a file's code, docstrings aside."""
    tree = ast.parse(path.read_text("utf-8"))
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
    }


@pytest.mark.parametrize("path", files(*DOORS), ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_door_names_no_purpose_and_no_regime(path: Path) -> None:
    assert words(path) & {*BUILT_IN_PURPOSES, *PRESETS} == set()
