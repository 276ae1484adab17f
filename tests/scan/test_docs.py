"""docs/scan.md says what the scanner looks for, and what is planted for it to find."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from consent.scan.judge import RULES

from . import planted as sites

PAGE = (Path(__file__).parents[2] / "docs/scan.md").read_text("utf-8")
#: What the EDPS's website-evidence-collector 2.1.1 did not report of what is planted.
NOT_COLLECTED = {
    "seen_today", "profiles", "lamps-1", "worker.example", "shared-worker.example", "service-worker.example",
}  # fmt: skip


def rules() -> Iterator[str]:
    for rule in RULES.values():
        yield f"| {rule.severity}: `{rule.id}` | {rule.title} | {rule.remedy} |"


def planted() -> Iterator[str]:
    for name, what in sites.PLANTED.items():
        yield f"| `{name}` | {what} | found | {'–' if name in NOT_COLLECTED else 'found'} |"


@pytest.mark.parametrize(("part", "rows"), [("rules", rules), ("planted", planted)], ids=["rules", "planted"])
def test_the_tables_are_current(part: str, rows: object) -> None:
    assert callable(rows)
    kept = re.search(rf"<!-- {part} -->\n(.*?)<!-- /{part} -->", PAGE, re.DOTALL)
    assert kept is not None
    assert kept[1].splitlines() == [*rows()]


def test_the_workflows_can_be_read() -> None:
    action, hooks = (yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
    assert any("consent scan" in step.get("run", "") for step in action["jobs"]["scan"]["steps"])
    assert "consent check" in hooks["repos"][0]["hooks"][0]["entry"]


def test_the_hook_runs_where_nobody_has_a_key(tmp_path: Path) -> None:
    _, hooks = (yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
    (tmp_path / "consent.toml").write_text('services = ["youtube"]\nprivacy_url = "/privacy"\n')
    entry = shlex.split(hooks["repos"][0]["hooks"][0]["entry"])
    found = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(entry, cwd=tmp_path, env={"PATH": found}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_login_is_what_the_scan_asks_for() -> None:
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (function,) = ast.parse(block).body
    assert isinstance(function, ast.AsyncFunctionDef)
    assert function.name == "login"
