"""The demo's log is sealed while it runs, and what the demo prints verifies it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from records import KEY, NOTICE, SECRET, make_record

from consent.demo import _sealing
from consent.log.store import open_store

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_what_is_decided_in_the_demo_is_sealed(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consent.demo.sealing._PAUSE", 0.05)
    url = f"sqlite:///{tmp_path}/consent.db"
    sealing = _sealing(url, tmp_path, SECRET)
    assert sealing
    store = open_store(url, keys=[KEY])
    store.append(make_record(0), NOTICE)
    until = time.monotonic() + 30
    while not (tmp_path / "state").exists():
        assert time.monotonic() < until
        time.sleep(0.02)
    store.append(make_record(1), NOTICE)
    store.close()
    sealing.stop()
    done = run("log", "verify", "--log", url, "--trust", str(sealing.trust), "--deadline", str(10**9))
    assert done.stdout.startswith("sealed      2, under 2 checkpoints")
    assert done.returncode == 3  # nobody has kept a checkpoint elsewhere


def test_without_cryptography_the_demo_runs_and_seals_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for name in [name for name in sys.modules if name.startswith("cryptography")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    assert _sealing(f"sqlite:///{tmp_path}/consent.db", tmp_path, SECRET) is None
    assert not (tmp_path / "consent.db").exists()


def test_a_log_that_cannot_be_sealed_is_said_and_the_demo_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("consent.demo.sealing._PAUSE", 0.01)
    (tmp_path / "state").mkdir()
    sealing = _sealing(f"sqlite:///{tmp_path}/consent.db", tmp_path, SECRET)
    assert sealing
    until = time.monotonic() + 30
    while "the demo's log was not sealed" not in caplog.text:
        assert time.monotonic() < until
        time.sleep(0.02)
    sealing.stop()
