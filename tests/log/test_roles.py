"""In PostgreSQL, who seals reads no content, who removes content makes no leaf, who audits changes nothing."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from cluster import Cluster
from records import KEY, NOTICE, make_record
from sealing import SIGNER

from consent.errors import LogUnavailable
from consent.log.append import open_log
from consent.log.limit import LimitReached
from consent.log.note import format_signer, format_vkey
from consent.log.store import open_store

Run = Callable[..., subprocess.CompletedProcess[str]]
BLOCKS = re.findall(
    r"^```sql\n(.*?)^```$", (Path(__file__).parents[2] / "docs" / "log.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
)
ROLES = sorted(set(re.findall(r"CREATE ROLE (\w+)", "".join(BLOCKS))))


@pytest.fixture(scope="module")
def url(cluster: Cluster) -> Iterator[Callable[[str], str]]:
    """A log whose tables the owner has made, and the roles as the documentation makes them; a URL for each."""
    database = cluster.new_database()
    owner = open_store(cluster.url(database), keys=[KEY])
    owner.find("")
    owner.close()
    for block in BLOCKS:
        cluster.execute(database, block)
    yield lambda user: cluster.url(database, user)
    names = ", ".join(ROLES)
    cluster.execute(database, f"DROP OWNED BY {names}; DROP ROLE {names}")


def test_each_does_its_part_and_the_log_verifies(url: Callable[[str], str], run: Run) -> None:
    Path("signer").write_text(f"{format_signer(SIGNER.log)}\n{format_signer(SIGNER.clock)}\n")
    Path("trust").write_text("".join(f"{format_vkey(key)}\n" for key in SIGNER.trust.keys))
    site = open_store(url("consent_app"), keys=[KEY])
    for number in range(3):
        site.append(make_record(number), NOTICE)
    assert site.proof(make_record(0).id) is None
    seal = ("log", "seal", "--signer", "signer", "--log", url("consent_sealer"))
    assert run(*seal).stdout == "Sealed 3; the log has 3.\n"
    assert "index 0" in str(site.proof(make_record(0).id))
    site.close()
    assert run(*seal, "--sweep").returncode == 0
    erased = run("log", "erase", make_record(1).id, "--yes", "--log", url("consent_eraser"))
    assert (erased.stdout, erased.stderr) == ("Removed the content of 1 record.\n", "")
    assert (
        run("log", "purge", "--before", "2026-11-18T11:06:41", "--yes", "--log", url("consent_eraser")).returncode == 0
    )
    assert run(*seal).stdout == "Sealed 2; the log has 5.\n"
    audit = ("--log", url("consent_auditor"))
    verified = run("log", "verify", "--trust", "trust", "--keep", "pins", "--deadline", str(10**9), *audit)
    assert verified.returncode == 3
    assert "removed     2, named by 2 tombstones" in verified.stdout
    assert run("log", "verify", "--trust", "trust", "--pin", "pins", "--deadline", str(10**9), *audit).returncode == 0
    assert run("log", "prove", make_record(2).id, *audit).returncode == 0
    for action in (("list",), ("stats",), ("find", make_record(2).id), ("export", "--format", "archive")):
        assert run("log", *action, *audit).returncode == 0


def test_the_application_counts_floods_and_forgets_them(url: Callable[[str], str]) -> None:
    site = open_log(url("consent_app"), keys=[KEY], limit=1)
    kept = []
    for number in range(100, 110):
        with suppress(LimitReached):
            kept.append(site.append(make_record(number), NOTICE, network="8.8.4.0/24"))
    assert len(kept) in {4, 5, 6, 7, 8}  # a minute may end meanwhile
    minute = int(time.time() // 60)
    slots = "SELECT count(*) FROM consent_slot WHERE ends > %s"
    assert site.store._database.read(slots, (minute - 5,)) != [(0,)]
    site.store.forget_slots(minute + 5)
    assert site.store._database.read(slots, (0,)) == [(0,)]
    site.close()


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("consent_sealer", "SELECT body FROM consent_record"),
        ("consent_sealer", "SELECT salt FROM consent_record"),
        ("consent_sealer", "SELECT content FROM consent_notice"),
        ("consent_sealer", "INSERT INTO consent_record SELECT * FROM consent_record"),
        ("consent_sealer", "UPDATE consent_record SET ts = 0"),
        ("consent_sealer", "DELETE FROM consent_record"),
        ("consent_sealer", "UPDATE consent_leaf SET idx = 9"),
        ("consent_sealer", "DELETE FROM consent_leaf"),
        ("consent_sealer", "UPDATE consent_checkpoint SET note = ''"),
        ("consent_sealer", "DELETE FROM consent_checkpoint"),
        ("consent_sealer", "DELETE FROM consent_anchor"),
        ("consent_sealer", "DELETE FROM consent_head"),
        ("consent_eraser", "UPDATE consent_record SET ts = 0"),
        ("consent_eraser", "UPDATE consent_record SET commitment = ''"),
        ("consent_eraser", "UPDATE consent_record SET mac = ''"),
        ("consent_eraser", "DELETE FROM consent_record"),
        ("consent_eraser", "INSERT INTO consent_leaf VALUES (9, '', '')"),
        ("consent_eraser", "UPDATE consent_head SET size = 0"),
        ("consent_eraser", "DELETE FROM consent_pending"),
        ("consent_auditor", "INSERT INTO consent_pending VALUES ('')"),
        ("consent_auditor", "UPDATE consent_record SET ts = 0"),
        ("consent_auditor", "DELETE FROM consent_leaf"),
        ("consent_app", "DELETE FROM consent_leaf"),
    ],
)
def test_and_nothing_else(url: Callable[[str], str], role: str, statement: str) -> None:
    with (
        psycopg.connect(url(role), autocommit=True) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement.encode())


def test_a_role_that_may_not_seal_is_told_so(url: Callable[[str], str], run: Run) -> None:
    Path("signer").write_text(f"{format_signer(SIGNER.log)}\n{format_signer(SIGNER.clock)}\n")
    done = run("log", "seal", "--signer", "signer", "--log", url("consent_app"))
    assert (done.stdout, done.returncode) == ("", 4)
    assert "permission denied" in done.stderr
    store = open_store(url("consent_auditor"), keys=[KEY])
    with pytest.raises(LogUnavailable, match="permission denied"):
        store.append(make_record(9), NOTICE)
    store.close()
