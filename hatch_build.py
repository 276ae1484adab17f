"""Compiles ``src/consent/gate/_fast.c`` for the wheel where that can be done; elsewhere the wheel is pure.

The gate is the same without it, only slower, so what hinders the compiler is told in one line and hinders nothing else.
``CONSENT_NATIVE=0`` compiles nothing; with ``CONSENT_NATIVE=1`` a wheel that is not compiled is an error.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import sysconfig
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_SOURCE = Path("src/consent/gate/_fast.c")  # from the project's folder, where builds run (PEP 517)
_PYTHON = "cp311"  # the oldest whose stable ABI is enough: Py_LIMITED_API in the source


class NativeHook(BuildHookInterface[Any]):
    """Compiles in a folder elsewhere: the project's may be read-only. An editable install has it beside its source."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        wanted = os.environ.get("CONSENT_NATIVE", "")
        if wanted not in {"", "0", "1"}:
            self.app.abort(f"consent: CONSENT_NATIVE is {wanted!r}; it can be 0 or 1")
        self._folder = TemporaryDirectory(prefix="consent-")
        compiled, tag = None, ""
        if wanted != "0":
            try:
                compiled, tag = _compile(self._folder.name)
            except _NotCompiledError as reason:
                if wanted:
                    self.app.abort(f"consent: CONSENT_NATIVE=1, but the gate cannot be compiled: {reason}")
                self.app.display_warning(f"consent: going on with the gate uncompiled, which is slower: {reason}")
        if version == "editable":
            _put_beside_source(compiled)
        elif compiled:
            build_data |= {"pure_python": False, "tag": tag}
            build_data["force_include"][str(compiled)] = f"consent/gate/{compiled.name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        self._folder.cleanup()


class _NotCompiledError(Exception):
    """There is no compiled gate; the message says why."""


def _compile(folder: str) -> tuple[Path, str]:
    """The compiled module, made in a folder, and the tag of a wheel that has it."""
    if sys.implementation.name != "cpython":
        raise _NotCompiledError(f"the stable ABI is CPython's, and this is {sys.implementation.name}")
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        raise _NotCompiledError("a free-threaded Python has no stable ABI")

    from setuptools import Distribution, Extension
    from setuptools.errors import BaseError, CCompilerError

    # The user's flags once more at the end, so that ours never override them.
    flags = [] if os.name == "nt" else ["-O3", "-g0", "-Wall", "-Wextra", *shlex.split(os.environ.get("CFLAGS", ""))]
    module = Extension("consent.gate._fast", [str(_SOURCE)], extra_compile_args=flags, py_limited_api=True)
    distribution = Distribution({"ext_modules": [module]})
    try:
        build = distribution.get_command_obj("build_ext")
        build.build_lib, build.build_temp = folder, str(Path(folder, "objects"))
        build.ensure_finalized()
        build.run()
        wheel = distribution.get_command_obj("bdist_wheel")
        wheel.bdist_dir, wheel.py_limited_api = folder, _PYTHON
        wheel.ensure_finalized()
    except (BaseError, CCompilerError, OSError) as error:
        raise _NotCompiledError(str(error)) from error
    return Path(build.get_ext_fullpath(module.name)), "-".join(wheel.get_tag())


def _put_beside_source(compiled: Path | None) -> None:
    """Replace what an earlier install compiled, in one step: a running Python may have it loaded."""
    if compiled is None:
        for earlier in _SOURCE.parent.glob(f"{_SOURCE.stem}.*"):
            if earlier.suffix in {".so", ".pyd"}:
                earlier.unlink()
    else:
        new = shutil.copy2(compiled, _SOURCE.with_name(f"{compiled.name}.new"))
        Path(new).replace(_SOURCE.with_name(compiled.name))
