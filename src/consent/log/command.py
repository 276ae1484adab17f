"""``consent log``: read what was decided."""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, TextIO, get_args

from ..errors import ConfigurationError
from ..policy.settings import read_toml
from .record import Kind, mac_key
from .store import SqlStore, Stored, open_store

__all__ = ["add_command"]

_DEFAULT = "sqlite:///consent.db"
_COLUMNS = ("id", "time", "kind", "granted", "refused", "policy", "regime", "lang", "site", "surface", "method", "gpc",
            "expires", "notice", "prev", "ua", "app", "commitment", "leaf")  # fmt: skip


def add_command(commands: Any) -> None:
    """Add ``log`` and what it can do."""
    log = commands.add_parser("log", help="read the log of decisions", description="Read the log of decisions.")
    actions = log.add_subparsers(title="actions", dest="action", required=True, metavar="ACTION")

    listed = _action(actions, "list", _list, "the decisions, oldest first")
    _filters(listed)
    listed.add_argument("--json", action="store_true", help="a JSON object a line, as in an export")

    shown = _action(actions, "show", _show, "one decision, and whether it is what was recorded")
    shown.add_argument("id", help="the record's id, or as much of its beginning as tells it apart")
    shown.add_argument("--json", action="store_true", help="as JSON")

    exported = _action(actions, "export", _export, "all decisions, for another program")
    _filters(exported)
    exported.add_argument("--format", choices=("jsonl", "csv"), default="jsonl", help="default: %(default)s")
    exported.add_argument("--output", metavar="FILE", help="default: standard output")


def _action(actions: Any, name: str, run: Any, text: str) -> argparse.ArgumentParser:
    action: argparse.ArgumentParser = actions.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    action.set_defaults(run=run)
    where = action.add_argument_group("which log")
    where.add_argument("--log", metavar="URL", help=f"the log's URL; else CONSENT_LOG, else {_DEFAULT}")
    where.add_argument("--config", metavar="FILE", help="the site's settings as TOML, for the log's URL and the key")
    return action


def _filters(action: argparse.ArgumentParser) -> None:
    which = action.add_argument_group("which decisions")
    which.add_argument(
        "--since", type=_moment, metavar="TIME", help="from this time on: 2026-11-23 or 2026-11-23T08:00"
    )
    which.add_argument("--until", type=_moment, metavar="TIME", help="before this time (UTC)")
    which.add_argument("--kind", choices=get_args(Kind), help="only this kind")
    which.add_argument("--limit", type=_count, metavar="N", help="at most so many")


def _moment(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 2026-11-23 or 2026-11-23T08:00") from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _count(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return int(text)


@contextmanager
def _opened(options: argparse.Namespace) -> Iterator[SqlStore]:
    """The log that the options name, with the keys that are known, which check the records' codes."""
    settings = read_toml(options.config) if options.config else {}
    url = options.log or settings.get("log") or os.environ.get("CONSENT_LOG") or _DEFAULT
    secret = settings.get("secret_key") or os.environ.get("CONSENT_SECRET_KEY", "").split()
    secrets = [secret] if isinstance(secret, str) else secret
    if not isinstance(url, str) or not all(isinstance(key, str) for key in secrets):
        raise ConfigurationError("log and secret_key must be texts", path=(options.config or "log",))
    store = open_store(url, keys=[mac_key(key.encode()) for key in secrets], create=False)
    try:
        yield store
    finally:
        store.close()


def _chosen(store: SqlStore, options: argparse.Namespace) -> Iterator[Stored]:
    left = options.limit
    for stored in store.records(since=options.since, until=options.until):
        if options.kind and (stored.record is None or stored.record.kind != options.kind):
            continue
        if left is not None:
            if left == 0:
                return
            left -= 1
        yield stored


def _list(options: argparse.Namespace) -> int:
    with _opened(options) as store:
        if options.json:
            return _write_jsonl(_chosen(store, options), sys.stdout)
        number = wrong = 0
        for stored in _chosen(store, options):
            if number == 0:
                print(
                    f"{'time (UTC)':19}  {'decision':10}  {'granted':28}  {'policy':12}  {'regime':8}  {'lang':4}  id"
                )
            number += 1
            wrong += stored.problem is not None
            print(_line(stored))
        if number == 0:
            print("No decisions.")
        elif wrong:
            print(f"{wrong} of {number} records do not check; see: consent log show ID", file=sys.stderr)
    return 1 if wrong else 0


def _line(stored: Stored) -> str:
    time = _time(stored.ts)[:19]
    if stored.record is None:
        return f"{time}  {stored.problem or 'its content was erased':66}  {stored.id}"
    record = stored.record
    granted = ", ".join(record.granted) or "–"
    mark = "  !" if stored.problem else ""
    return (
        f"{time}  {record.kind.replace('_', ' '):10}  {_cut(granted, 28):28}  {_cut(record.policy, 12):12}  "
        f"{_cut(record.regime, 8):8}  {record.lang:4}  {stored.id}{mark}"
    )


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(sep=" ", timespec="milliseconds")


def _show(options: argparse.Namespace) -> int:
    with _opened(options) as store:
        found = store.find(options.id)
        if len(found) != 1:
            many = "more than one record begins so" if found else "no such record"
            print(f"consent: {many}: {options.id}", file=sys.stderr)
            return 5
        [stored] = found
        if options.json:
            return _write_jsonl(found, sys.stdout)
        for name, value in _fields(stored):
            print(f"{name:12}{value}")
        words = store.notice(stored.record.notice) if stored.record else None
        if words:
            print(f"\nWhat the visitor was shown ({stored.record.notice if stored.record else ''}):")
            print(json.dumps(json.loads(words), indent=2, ensure_ascii=False))
    return 1 if stored.problem else 0


def _fields(stored: Stored) -> Iterator[tuple[str, str]]:
    yield "id", stored.id
    yield "time", f"{_time(stored.ts)} UTC"
    if stored.record is not None:
        for name, value in asdict(stored.record).items():
            if name in {"id", "ts"}:
                continue
            if name == "expires":
                shown = _time(value * 1000)[:19] + " UTC"
            elif isinstance(value, tuple):
                shown = ", ".join(value) or "–"
            elif isinstance(value, bool):
                shown = "yes" if value else "no"
            else:
                shown = "–" if value is None else str(value)
            yield name, shown
    yield "commitment", stored.commitment
    yield "leaf", stored.leaf
    codes = {True: "right", False: "WRONG", None: "not checked; set CONSENT_SECRET_KEY"}
    yield "code", codes[stored.authentic]
    yield "content", stored.problem or ("erased" if stored.record is None else "is what was committed to")


def _export(options: argparse.Namespace) -> int:
    with _opened(options) as store:
        if options.output is None:
            return _write(options.format, _chosen(store, options), sys.stdout)
        with open(options.output, "w", encoding="utf-8", newline="") as file:  # noqa: PTH123
            return _write(options.format, _chosen(store, options), file)


def _write(form: str, records: Iterator[Stored], file: TextIO) -> int:
    return _write_csv(records, file) if form == "csv" else _write_jsonl(records, file)


def _write_jsonl(records: Iterator[Stored] | list[Stored], file: TextIO) -> int:
    wrong = False
    for stored in records:
        wrong |= stored.problem is not None
        body = asdict(stored.record) if stored.record else {"id": stored.id, "ts": stored.ts}
        content = {**body, "commitment": stored.commitment, "leaf": stored.leaf}
        if stored.problem:
            content["problem"] = stored.problem
        file.write(json.dumps(content, ensure_ascii=False) + "\n")
    return 1 if wrong else 0


def _write_csv(records: Iterator[Stored], file: TextIO) -> int:
    wrong = False
    writer = csv.DictWriter(file, _COLUMNS, extrasaction="ignore")
    writer.writeheader()
    for stored in records:
        wrong |= stored.problem is not None
        row: dict[str, Any] = asdict(stored.record) if stored.record else {"id": stored.id}
        row |= {"time": _time(stored.ts), "commitment": stored.commitment, "leaf": stored.leaf}
        for name in ("granted", "refused"):
            row[name] = " ".join(row.get(name, ()))
        writer.writerow({name: _plain(value) for name, value in row.items()})
    return 1 if wrong else 0


def _plain(value: Any) -> Any:
    """A text that a spreadsheet does not take for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"} else value
