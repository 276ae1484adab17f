"""What is built of the project: the gate compiled where that can be done, the same without it elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest
from packaging.utils import parse_wheel_filename

from pythons import newest_python

ROOT = Path(__file__).parent.parent
COMPILED = "consent/gate/_fast.pyd" if os.name == "nt" else "consent/gate/_fast.abi3.so"
NO_COMPILER = {"CC": "/nonexistent", "PATH": ""}
compiles = pytest.mark.skipif(
    sys.implementation.name != "cpython" or bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    reason="this Python has no stable ABI",
)


def python(*arguments: str | Path, folder: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run this Python in a folder, with nothing in its environment that changes what is built."""
    environment = {name: value for name, value in os.environ.items() if name not in {"CC", "CFLAGS", "CONSENT_NATIVE"}}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, env=environment | variables, capture_output=True, text=True, check=False)


def build(project: Path, folder: Path, kind: str = "wheel", **variables: str) -> subprocess.CompletedProcess[str]:
    """Build an sdist, a wheel or an editable as pip and build do (PEP 517, 660)."""
    return python("-c", f"import hatchling.build as it; it.build_{kind}({str(folder)!r})", folder=project, **variables)


def built(project: Path, folder: Path, kind: str = "wheel", **variables: str) -> Path:
    """The one file that was made, without a word."""
    run = build(project, folder, kind, **variables)
    assert (run.returncode, run.stderr) == (0, "")
    return only(folder)


def only(folder: Path) -> Path:
    (file,) = folder.iterdir()
    return file


def unpacked(sdist: Path, folder: Path) -> Path:
    with tarfile.open(sdist) as file:
        if hasattr(tarfile, "data_filter"):  # since 3.11.4
            file.extraction_filter = tarfile.data_filter
        file.extractall(folder)
    return only(folder)


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as file:
        return set(file.namelist())


def tags(wheel: Path) -> set[tuple[str, str]]:
    return {(tag.interpreter, tag.abi) for tag in parse_wheel_filename(wheel.name)[3]}


def files(folder: Path) -> set[str]:
    """What is in a folder, but for what Python writes wherever it loads something."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if "__pycache__" not in path.parts}


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(ROOT, tmp_path_factory.mktemp("sdist"), "sdist")


@pytest.fixture(scope="module")
def project(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as those have it who got its sdist."""
    return unpacked(sdist, tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def compiled(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(project, tmp_path_factory.mktemp("compiled"), CONSENT_NATIVE="1")


@pytest.fixture(scope="module")
def pure(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(project, tmp_path_factory.mktemp("pure"), CONSENT_NATIVE="0")


def test_the_sdist_has_the_source_and_what_compiles_it(project: Path) -> None:
    there = files(project)
    assert {"hatch_build.py", "src/consent/gate/_fast.c", "src/consent/gate/_fast.pyi"} <= there
    assert not [name for name in there if name.endswith((".so", ".pyd", ".o"))]


def test_a_wheel_that_is_not_to_be_compiled_is_pure(pure: Path) -> None:
    assert pure.name.endswith("-py3-none-any.whl")
    assert not [name for name in names(pure) if name.endswith((".so", ".pyd", ".o", ".c"))]
    assert "consent/gate/_fast.pyi" in names(pure)


@compiles
def test_a_compiled_wheel_is_the_pure_one_and_a_module_for_the_stable_abi(compiled: Path, pure: Path) -> None:
    assert tags(compiled) == {("cp311", "abi3")}
    assert names(compiled) ^ names(pure) == {COMPILED}
    with zipfile.ZipFile(compiled) as file:
        (about,) = (name for name in file.namelist() if name.endswith(".dist-info/WHEEL"))
        assert "Root-Is-Purelib: false" in file.read(about).decode()


@compiles
def test_a_compiled_wheel_is_the_same_wherever_it_is_made_and_leaves_nothing_there(
    compiled: Path, sdist: Path, tmp_path: Path
) -> None:
    elsewhere = unpacked(sdist, tmp_path / "elsewhere")
    before = files(elsewhere)
    assert built(elsewhere, tmp_path / "wheel", CONSENT_NATIVE="1").read_bytes() == compiled.read_bytes()
    assert files(elsewhere) == before


def install(wheel: Path, folder: Path) -> None:
    offline = ("--no-index", "--no-deps", "--no-compile", "--disable-pip-version-check")
    run = python("-m", "pip", "install", *offline, "--target", folder, wheel)
    assert run.returncode == 0, run.stdout + run.stderr


def says(code: str, folder: Path) -> str:
    """What code prints with a folder's packages before any others."""
    run = python("-I", "-c", f"import sys; sys.path.insert(0, {str(folder)!r})\n{code}")
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


@compiles
def test_pip_installs_a_compiled_wheel_with_its_module(compiled: Path, tmp_path: Path) -> None:
    install(compiled, tmp_path)
    assert says("import consent.gate._fast as fast; print(fast.__file__)", tmp_path) == str(tmp_path / COMPILED)


@compiles
def test_what_a_newer_python_compiles_serves_this_one(project: Path, tmp_path: Path) -> None:
    """The headers of 3.13 know functions by other names than those of 3.11, under the same stable ABI."""
    command = [
        newest_python(),
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--wheel-dir",
        tmp_path / "wheel",
        project,
    ]
    run = subprocess.run(command, env=os.environ | {"CONSENT_NATIVE": "1"}, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    install(only(tmp_path / "wheel"), tmp_path / "here")
    code = (
        "from consent.gate._fast import *\n"
        "print(plain_end(b'a<b>c<', 0, False, [], [], []), read_tag(b'A B=c>', 0, 6), attributes(b'A B=c>', 1, 5))"
    )
    assert says(code, tmp_path / "here") == "5 (b'a', 1, 6, False, True) [(b'b', b'c', 2)]"


def test_a_pure_wheel_does_without(pure: Path, tmp_path: Path) -> None:
    install(pure, tmp_path)
    code = (
        "import consent.gate.html as html, importlib.util as u; print(html.__file__, u.find_spec('consent.gate._fast'))"
    )
    assert says(code, tmp_path) == f"{tmp_path / 'consent/gate/html.py'} None"


@compiles
def test_without_a_compiler_the_wheel_is_pure_and_the_build_says_so(project: Path, pure: Path, tmp_path: Path) -> None:
    run = build(project, tmp_path, **NO_COMPILER)
    assert run.returncode == 0
    (line,) = run.stderr.splitlines()
    assert line.startswith("consent: going on with the gate uncompiled, which is slower: ")
    assert "/nonexistent" in line
    assert only(tmp_path).read_bytes() == pure.read_bytes()


@compiles
def test_without_a_compiler_a_build_that_must_compile_fails_in_one_line(project: Path, tmp_path: Path) -> None:
    run = build(project, tmp_path, CONSENT_NATIVE="1", **NO_COMPILER)
    assert run.returncode == 1
    (line,) = run.stderr.splitlines()
    assert line.startswith("consent: CONSENT_NATIVE=1, but the gate cannot be compiled: ")
    assert "/nonexistent" in line
    assert not list(tmp_path.iterdir())


def test_a_misspelt_wish_is_an_error(project: Path, tmp_path: Path) -> None:
    run = build(project, tmp_path, CONSENT_NATIVE="yes")
    assert (run.returncode, run.stderr) == (1, "consent: CONSENT_NATIVE is 'yes'; it can be 0 or 1\n")


@compiles
def test_an_editable_install_has_the_module_beside_its_source_as_that_is_now(sdist: Path, tmp_path: Path) -> None:
    project = unpacked(sdist, tmp_path / "project")
    beside = project / "src" / COMPILED
    source = beside.with_name("_fast.c")

    wheel = built(project, tmp_path / "first", "editable")
    assert COMPILED not in names(wheel)
    assert says("import consent.gate._fast as fast; print(fast.__file__)", project / "src") == str(beside)

    with source.open("a") as file:
        file.write("int added_since(void) { return 1; }\n")
    built(project, tmp_path / "second", "editable")
    assert b"added_since" in beside.read_bytes()

    with source.open("a") as file:
        file.write("#error it cannot be compiled\n")
    assert build(project, tmp_path / "third", "editable").returncode == 0
    assert not beside.exists()


@compiles
def test_what_was_compiled_beside_the_source_is_in_no_pure_wheel_and_no_sdist(
    sdist: Path, pure: Path, tmp_path: Path
) -> None:
    project = unpacked(sdist, tmp_path / "project")
    (project / "src" / COMPILED).touch()
    assert names(built(project, tmp_path / "wheel", CONSENT_NATIVE="0")) == names(pure)
    assert built(project, tmp_path / "sdist", "sdist").read_bytes() == sdist.read_bytes()
