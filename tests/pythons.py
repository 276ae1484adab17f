"""The Pythons of this machine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path


def _pythons() -> Iterator[str]:
    """Pythons of this machine, the newest first."""
    names = [f"python3.{minor}" for minor in range(20, sys.version_info.minor, -1)]
    yield from filter(None, map(shutil.which, names))
    kept = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [path for path in kept.glob("3.*/bin/python3") if re.fullmatch(r"3\.\d+\.\d+", path.parts[-3])]
    yield from map(str, sorted(found, key=lambda path: [*map(int, path.parts[-3].split("."))], reverse=True))


def newest_python() -> str:
    """The newest that can make environments and install: this one if there is no newer."""
    code = f"import sys, venv, ensurepip, pip; sys.exit(sys.version_info < {tuple(sys.version_info[:2])})"
    for python in _pythons():
        if subprocess.run([python, "-c", code], capture_output=True, check=False).returncode == 0:
            return python
    return sys.executable
