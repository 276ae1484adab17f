"""Whatever is done to a log is found: by its keys, by checkpoints kept elsewhere, or by receipts; as the docs say."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import tampering
from cluster import Cluster
from databases import Log
from records import KEY, START, make_record
from sealing import SIGNER, Clock, append, sealer
from tampering import ERASED, MUTATIONS, SIZES, WAITING, Mutation, remover, rid

from consent.log.audit import FINDINGS, Report, Terms, verify
from consent.log.evidence import DatabaseEvidence
from consent.log.store import open_database

DOCS = Path(__file__).parents[2] / "docs" / "log.md"
TABLES = ("record", "pending", "leaf", "node", "checkpoint", "head", "notice", "anchor", "schema")
NOW = START / 1000 + 1200


@dataclass
class Template:
    """A log as it should be, of which each test gets a copy; and what is kept of it elsewhere."""

    copy: Callable[[], Log]
    pins: list[str]
    receipts: list[tuple[str, str]]
    salt: bytes


def build(log: Log, state: Path) -> tuple[list[str], list[tuple[str, str]], bytes]:
    clock = Clock(START / 1000 + 240)
    last = 0
    for end in SIZES[:2]:
        append(log, last, end)
        sealer(log, state, clock=clock).seal()
        last = end
    [(salt,)] = log.ask("SELECT salt FROM consent_record WHERE rid = ?", rid(ERASED))
    assert remover(log).erase([make_record(ERASED).id]) == 1
    append(log, 259, 261)
    sealer(log, state, clock=clock).seal()
    for number in WAITING:
        append(log, number, number + 1)
    pins = [row[0] for row in log.ask("SELECT note FROM consent_checkpoint ORDER BY size")]
    receipts = [(stored.id, stored.leaf) for stored in log.store.records() if stored.tombstone is None]
    assert len(pins) == len(SIZES)
    return pins, receipts, bytes(salt)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def template(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Template]:
    folder = tmp_path_factory.mktemp("template")
    opened: list[Log] = []

    def opening(url: str) -> Log:
        opened.append(Log(lambda: open_database(url)))
        return opened[-1]

    if request.param == "sqlite":
        first = opening(f"sqlite:///{folder}/consent.db")

        def copy() -> Log:
            path = folder / f"copy{len(opened)}.db"
            shutil.copy(folder / "consent.db", path)
            return opening(f"sqlite:///{path}")

    else:
        cluster: Cluster = request.getfixturevalue("cluster")
        url = cluster.new_schema()
        first = opening(url)

        def copy() -> Log:
            other = cluster.new_schema()
            log = opening(other)
            mine, theirs = (found.rpartition("%3D")[2] for found in (other, url))
            log.database.write([(f"INSERT INTO {mine}.consent_{name} SELECT * FROM {theirs}.consent_{name} ON CONFLICT DO NOTHING", ()) for name in TABLES[:1]])  # fmt: skip
            for name in TABLES[1:]:
                log.run(
                    f"INSERT INTO {mine}.consent_{name} SELECT * FROM {theirs}.consent_{name} ON CONFLICT DO NOTHING"
                )
            return log

    pins, receipts, salt = build(first, folder / "state")
    first.database.scrub()
    yield Template(copy, pins, receipts, salt)
    for log in opened:
        log.database.close()


LEVELS = ("keys", "pins", "receipts")


def examine(log: Log, template: Template, level: str) -> Report:
    """What is found by whoever has so much of what is kept elsewhere."""
    number = LEVELS.index(level)
    terms = Terms(
        NOW,
        trust=SIGNER.trust,
        keys=[KEY],
        pins=template.pins if number >= 1 else [],
        receipts=template.receipts if number >= 2 else [],
    )
    return verify(DatabaseEvidence(log.database), terms)


def found(report: Report, *, serious: bool) -> set[str]:
    return {code for code, finding in report.findings.items() if finding.serious is serious} - {"no-pins"}


def test_nothing_is_found_in_a_log_as_it_should_be(template: Template) -> None:
    log = template.copy()
    for level in LEVELS:
        report = examine(log, template, level)
        assert {**report.findings} == ({} if level != "keys" else {"no-pins": report.findings["no-pins"]})
    assert (report.sealed, report.unsealed, report.removed, report.tombstones) == (261, 2, 1, 1)
    assert (report.checkpoints, report.pins, report.receipts) == (3, 3, len(template.receipts))
    assert report.latest == template.pins[-1]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: f"{mutation.what} ({mutation.who})")
def test_tampering_is_found_by_what_the_table_says(template: Template, mutation: Mutation) -> None:
    log = template.copy()
    tampering.ERASED_SALT[:] = [template.salt]
    mutation.do(log)
    known: set[str] = set()
    for level in LEVELS:
        report = examine(log, template, level)
        expected = {*getattr(mutation, level).split()}
        assert found(report, serious=True) - known == expected
        assert found(report, serious=False) == {*mutation.warnings.split()}
        known |= expected
        assert report.tampered is bool(known)


def test_every_serious_finding_but_those_tried_elsewhere_is_in_the_table() -> None:
    tried = {code for mutation in MUTATIONS for level in LEVELS for code in getattr(mutation, level).split()}
    assert {code for code, (serious, _) in FINDINGS.items() if serious} - tried == {
        "aside", "anchor", "content-unreadable",
    }  # fmt: skip


def table() -> str:
    """The mutations as the documentation shows them."""
    lines = ["| who has | what is done | keys | and pins | and receipts |", "|---|---|---|---|---|"]
    for mutation in MUTATIONS:
        cells, before = [], False
        for level in LEVELS:
            said = getattr(mutation, level).split()
            cells.append(", ".join(f"`{code}`" for code in said) if said else "✓" if before else "–")
            before = before or bool(said)
        if mutation.warnings:
            warned = ", ".join(f"`{code}`" for code in mutation.warnings.split())
            cells[0] = f"*warning:* {warned}" if cells[0] == "–" else f"{cells[0]}; *warning:* {warned}"
        lines.append(f"| {mutation.who} | {mutation.what} | {' | '.join(cells)} |")
    lines += ["", "| finding | |", "|---|---|"]
    lines += [f"| `{code}` | {'' if serious else '*warning:* '}{what} |" for code, (serious, what) in FINDINGS.items()]
    return "\n".join(lines)


def test_the_table_in_the_documentation_is_this() -> None:
    _, _, rest = DOCS.read_text("utf-8").partition("<!-- the table is made by tests/log/test_tampering.py -->\n")
    assert rest.partition("\n<!-- end -->")[0] == table()
