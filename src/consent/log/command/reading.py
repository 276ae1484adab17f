"""What was decided: ``list``, ``show``, ``find``, ``export`` and ``stats``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from typing import Any, get_args

from ..archive import write_archive
from ..evidence import DatabaseEvidence
from ..export import TEXT_FORMATS, flat, write_parquet
from ..record import Kind
from ..store import Database, SqlStore, Stored
from .options import add_action, add_filters, bar, moment, opened, opened_database, site_keys
from .text import HEADER, for_people, for_programs, line, stored_fields

__all__ = ["add_reading", "find_one", "history"]


def add_reading(actions: Any) -> None:
    listed = add_action(actions, "list", _list, "the decisions, oldest first")
    add_filters(listed)
    listed.add_argument("--json", action="store_true", help="a JSON object a line, as in an export")

    shown = add_action(actions, "show", _show, "one decision, and whether it is what was recorded")
    shown.add_argument("id", help="the record's id, or as much of its beginning as tells it apart")
    shown.add_argument("--json", action="store_true", help="as JSON")

    found = add_action(actions, "find", _find, "all decisions of a visitor, of whom one is known")
    found.add_argument("id", nargs="?", help="the id in the visitor's cookie: this record and those that it replaced")
    found.add_argument("--subject", metavar="HEX", help="the pseudonym by which the site ties decisions to an account")
    found.add_argument("--json", action="store_true", help="a JSON object a line, as in an export")

    exported = add_action(actions, "export", _export, "all decisions, for another program; or the whole log")
    add_filters(exported)
    exported.add_argument(
        "--format",
        choices=(*TEXT_FORMATS, "parquet", "archive"),
        default="jsonl",
        help="archive: all that verify needs; default: %(default)s",
    )
    exported.add_argument("--output", metavar="FILE", help="default: standard output")

    stats = add_action(actions, "stats", _stats, "how many decisions of each kind, and what is sealed")
    stats.add_argument("--since", type=moment, metavar="TIME", help="from this time on")
    stats.add_argument("--until", type=moment, metavar="TIME", help="before this time (UTC)")
    stats.add_argument("--json", action="store_true", help="as JSON")


class _Chosen:
    """The records that the options ask for, and how many of them do not check.

    A record whose content cannot be read may be of any kind; it is not left out where a kind is asked for.
    """

    def __init__(self, store: SqlStore, options: argparse.Namespace) -> None:
        self._store = store
        self._options = options
        self.number = 0
        self.wrong = 0

    def __iter__(self) -> Iterator[Stored]:
        options = self._options
        for stored in self._store.records(since=options.since, until=options.until):
            if options.kind and not stored.problem and (stored.record is None or stored.record.kind != options.kind):
                continue
            if options.limit is not None and self.number == options.limit:
                return
            self.number += 1
            self.wrong += stored.problem is not None
            yield stored

    def verdict(self) -> int:
        """Say what does not check, where output does not hide it; the exit code."""
        if self.wrong:
            sys.stdout.flush()
            does = "does" if self.wrong == 1 else "do"
            what = f"{self.wrong} of {self.number} records {does} not check"
            print(f"consent: {what}; see: consent log show ID", file=sys.stderr)
        return 1 if self.wrong else 0


def _list(options: argparse.Namespace) -> int:
    with opened(options) as store:
        chosen = _Chosen(store, options)
        if options.json:
            TEXT_FORMATS["jsonl"](chosen, for_programs(sys.stdout))
            return chosen.verdict()
        for_people(sys.stdout)
        for stored in chosen:
            if chosen.number == 1:
                print(HEADER)
            print(line(stored))
        if chosen.number == 0:
            print("No decisions.")
        return chosen.verdict()


def find_one(store: SqlStore, record_id: str) -> Stored | None:
    """The record whose id begins so; None, said on standard error, if there is none, or more than one."""
    found = store.find(record_id)
    if len(found) == 1:
        return found[0]
    many = "more than one record begins so" if found else "no such record"
    print(f"consent: {many}: {record_id}", file=sys.stderr)
    return None


def _show(options: argparse.Namespace) -> int:
    with opened(options) as store:
        stored = find_one(store, options.id)
        if stored is None:
            return 5
        if options.json:
            TEXT_FORMATS["jsonl"]([stored], for_programs(sys.stdout))
            return 1 if stored.problem else 0
        for_people(sys.stdout)
        for name, value in stored_fields(stored):
            print(f"{name:12}{value}")
        right = stored.problem is None
        if stored.record is not None:
            right &= _show_notice(store, stored.record.notice)
    return 0 if right else 1


def _show_notice(store: SqlStore, digest: str) -> bool:
    """Print what the visitor was shown; whether it is that."""
    try:
        words = store.notice(digest)
    except ValueError as error:
        print(f"\n{error}.")
        return False
    if words is None:
        print("\nThe words that the visitor was shown are not kept.")
        return True
    print("\nWhat the visitor was shown:")
    try:
        print(json.dumps(json.loads(words), indent=2, ensure_ascii=False))
    except ValueError:
        print(words)
    return True


def history(store: SqlStore, stored: Stored) -> list[Stored]:
    """A record and those that it replaced, oldest first."""
    chain, seen = [stored], {stored.id}
    while (record := chain[-1].record) and record.prev and record.prev not in seen:
        before = store.find(record.prev)
        if not before:
            break
        seen.add(record.prev)
        chain.append(before[0])
    return chain[::-1]


def _find(options: argparse.Namespace) -> int:
    if (options.id is None) == (options.subject is None):
        print("consent: either an id or --subject says whose decisions", file=sys.stderr)
        return 2
    with opened(options) as store:
        if options.subject is not None:
            found = store.of_subject(options.subject)
            if not found:
                print(f"consent: no such subject: {options.subject}", file=sys.stderr)
        else:
            one = find_one(store, options.id)
            found = [] if one is None else history(store, one)
    if not found:
        return 5
    if options.json:
        for_programs(sys.stdout).writelines(json.dumps(flat(stored), ensure_ascii=False) + "\n" for stored in found)
    else:
        for_people(sys.stdout)
        print(HEADER, *map(line, found), sep="\n")
    return 1 if any(stored.problem for stored in found) else 0


def _export(options: argparse.Namespace) -> int:
    filtered = any(getattr(options, name) is not None for name in ("since", "until", "kind", "limit"))
    if options.format == "archive" and filtered:
        print("consent: an archive is of the whole log, without --since, --until, --kind and --limit", file=sys.stderr)
        return 2
    if options.format == "parquet" and options.output is None:
        print("consent: Parquet goes into a file: --output FILE", file=sys.stderr)
        return 2
    with opened_database(options) as database:
        if options.output is None:
            return _write(options, database, for_programs(sys.stdout))
        try:
            if options.format == "parquet":
                with open(options.output, "wb") as file:  # noqa: PTH123
                    return _write(options, database, file)
            with open(options.output, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:  # noqa: PTH123
                return _write(options, database, file)
        except OSError as error:
            print(f"consent: cannot write {options.output}: {error.strerror}", file=sys.stderr)
            return 2


def _write(options: argparse.Namespace, database: Database, file: Any) -> int:
    if options.format == "archive":
        write_archive(DatabaseEvidence(database), file)
        return 0
    store = SqlStore(database, site_keys(options))
    chosen = _Chosen(store, options)
    with bar("exporting") as told:
        records = _counted(chosen, told)
        write_parquet(records, file) if options.format == "parquet" else TEXT_FORMATS[options.format](records, file)
    return chosen.verdict()


def _counted(chosen: _Chosen, told: Any) -> Iterator[Stored]:
    for stored in chosen:
        if chosen.number % 1000 == 0:
            told(chosen.number)
        yield stored


def _stats(options: argparse.Namespace) -> int:
    with opened_database(options) as database:
        found = _counts(database, options.since, options.until)
    if options.json:
        for_programs(sys.stdout).write(json.dumps(found) + "\n")
        return 0
    for name, value in found.items():
        print(f"{name.replace('_', ' '):12}{value}")
    return 0


def _counts(database: Database, since: int | None, until: int | None) -> dict[str, Any]:
    mark = database.placeholder
    # A name in quotes cannot stand within a JSON text.
    kinds = (*get_args(Kind), "erase", "purge")
    sums = ", ".join([f"SUM(CASE WHEN body LIKE {mark} THEN 1 ELSE 0 END)"] * len(kinds))
    values: tuple[Any, ...] = tuple(f'%"kind":"{kind}",%' for kind in kinds)
    limits = (-(2**63) if since is None else since, 2**63 - 1 if until is None else until)
    query = (
        f"SELECT COUNT(*), SUM(CASE WHEN body IS NULL THEN 1 ELSE 0 END), MIN(ts), MAX(ts), {sums} "  # noqa: S608
        f"FROM consent_record WHERE ts >= {mark} AND ts < {mark}"
    )
    records, removed, first, last, *numbers = database.read(query, (*values, *limits))[0]
    others = "SELECT (SELECT COUNT(*) FROM consent_leaf), (SELECT COUNT(*) FROM consent_pending), (SELECT COUNT(*) FROM consent_checkpoint)"  # noqa: E501
    sealed, waiting, checkpoints = database.read(others, ())[0]
    return {
        "records": records,
        **{kind: int(number or 0) for kind, number in zip(kinds, numbers, strict=True)},
        "removed": int(removed or 0),
        "first": first,
        "last": last,
        "sealed": sealed,
        "waiting": waiting,
        "checkpoints": checkpoints,
    }
