"""``consent log``: read what was decided.

What is printed for people has one record a line, in columns; for programs, JSON lines or CSV, always in UTF-8.
Exit codes as in :mod:`consent.cli`; 1 is worth an alarm: a record that is not what was recorded.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import sys
import unicodedata
from collections.abc import Iterable, Iterator
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
            "expires", "notice", "prev", "subject", "ua", "app", "commitment", "leaf", "problem")  # fmt: skip
#: The list's columns and their width; the id, which comes last, is as long as it is.
_LISTED = {"time (UTC)": 19, "decision": 10, "granted": 28, "policy": 12, "regime": 8, "lang": 7, "id": 32}


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

    _action(actions, "create", _create, "make the log's tables, where the site's own role may not")


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
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 2026-11-23 or 2026-11-23T08:00") from error


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18 and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return int(text)


@contextmanager
def _opened(options: argparse.Namespace, *, create: bool = False) -> Iterator[SqlStore]:
    """The log that the options name, with the keys that are known, which check the records' codes."""
    settings = read_toml(options.config) if options.config else {}
    url = options.log or settings.get("log") or os.environ.get("CONSENT_LOG") or _DEFAULT
    secret = settings.get("secret_key") or os.environ.get("CONSENT_SECRET_KEY", "").split()
    secrets = secret if isinstance(secret, list) else [secret]
    if not isinstance(url, str) or not all(isinstance(key, str) for key in secrets):
        raise ConfigurationError("log and secret_key must be texts", path=(options.config or "log",))
    store = open_store(url, keys=[mac_key(key.encode()) for key in secrets], create=create)
    try:
        yield store
    finally:
        store.close()


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
    with _opened(options) as store:
        chosen = _Chosen(store, options)
        if options.json:
            _write_jsonl(chosen, _for_programs(sys.stdout))
            return chosen.verdict()
        _for_people(sys.stdout)
        for stored in chosen:
            if chosen.number == 1:
                print(_row(_LISTED))
            print(_line(stored))
        if chosen.number == 0:
            print("No decisions.")
        return chosen.verdict()


def _create(options: argparse.Namespace) -> int:
    with _opened(options, create=True) as store:
        store.find("")
    print("The log is there.")
    return 0


def _line(stored: Stored) -> str:
    time = _time(stored.ts)[:19]
    if stored.record is None:
        said = stored.problem or "its content was erased"
        return f"{time}  {_fit(said, sum(_LISTED.values()) - 19 - 32 + 2 * 4)}  {stored.id}{_mark(stored)}"
    record = stored.record
    kind = record.kind.replace("_", " ")
    granted = ", ".join(record.granted) or "–"
    return _row((time, kind, granted, record.policy, record.regime, record.lang, stored.id)) + _mark(stored)


def _mark(stored: Stored) -> str:
    return "  !" if stored.problem else ""


def _row(values: Iterable[str]) -> str:
    return "  ".join(_fit(value, width) for value, width in zip(values, _LISTED.values(), strict=True)).rstrip()


def _fit(text: str, width: int) -> str:
    """A text in so many columns of a terminal."""
    if sum(map(_columns, text)) > width:
        while sum(map(_columns, text)) >= width:
            text = text[:-1]
        text += "…"
    return text + " " * (width - sum(map(_columns, text)))


def _columns(character: str) -> int:
    """East Asian letters take two, combining marks none."""
    return 0 if unicodedata.combining(character) else 1 + (unicodedata.east_asian_width(character) in "WF")


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(sep=" ", timespec="milliseconds")[:23]


def _for_people(file: TextIO) -> None:
    """Whatever letters the terminal knows, nothing is lost and nothing fails."""
    if isinstance(file, io.TextIOWrapper):
        file.reconfigure(errors="backslashreplace")


def _for_programs(file: TextIO) -> TextIO:
    """The same bytes whatever the terminal's language and system."""
    if isinstance(file, io.TextIOWrapper):
        file.reconfigure(encoding="utf-8", errors="strict", newline="")
    return file


def _show(options: argparse.Namespace) -> int:
    with _opened(options) as store:
        found = store.find(options.id)
        if len(found) != 1:
            many = "more than one record begins so" if found else "no such record"
            print(f"consent: {many}: {options.id}", file=sys.stderr)
            return 5
        [stored] = found
        if options.json:
            _write_jsonl(found, _for_programs(sys.stdout))
            return 1 if stored.problem else 0
        _for_people(sys.stdout)
        for name, value in _fields(stored):
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


def _fields(stored: Stored) -> Iterator[tuple[str, str]]:
    yield "id", stored.id
    yield "time", f"{_time(stored.ts)} UTC"
    if stored.record is not None:
        for name, value in asdict(stored.record).items():
            if name in {"id", "ts"}:
                continue
            if name == "expires":
                shown = _until(value)
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


def _until(seconds: int) -> str:
    try:
        return f"{_time(seconds * 1000)[:19]} UTC"
    except (ValueError, OverflowError):  # a number that fits a record and no calendar
        return str(seconds)


def _export(options: argparse.Namespace) -> int:
    write = _write_csv if options.format == "csv" else _write_jsonl
    with _opened(options) as store:
        chosen = _Chosen(store, options)
        if options.output is None:
            write(chosen, _for_programs(sys.stdout))
            return chosen.verdict()
        try:
            with open(options.output, "w", encoding="utf-8", newline="") as file:  # noqa: PTH123
                write(chosen, file)
        except OSError as error:
            print(f"consent: cannot write {options.output}: {error.strerror}", file=sys.stderr)
            return 2
        return chosen.verdict()


def _write_jsonl(records: Iterable[Stored], file: TextIO) -> None:
    for stored in records:
        body = asdict(stored.record) if stored.record else {"id": stored.id, "ts": stored.ts}
        content = {**body, "commitment": stored.commitment, "leaf": stored.leaf}
        if stored.problem:
            content["problem"] = stored.problem
        file.write(json.dumps(content, ensure_ascii=False) + "\n")


def _write_csv(records: Iterable[Stored], file: TextIO) -> None:
    writer: csv.DictWriter[str] = csv.DictWriter(file, _COLUMNS, extrasaction="ignore")
    writer.writeheader()
    for stored in records:
        row: dict[str, Any] = asdict(stored.record) if stored.record else {"id": stored.id}
        row |= {"time": _time(stored.ts), "commitment": stored.commitment, "leaf": stored.leaf}
        row["problem"] = stored.problem
        for name in ("granted", "refused"):
            row[name] = " ".join(row.get(name, ()))
        writer.writerow({name: _plain(value) for name, value in row.items()})


def _plain(value: Any) -> Any:
    """A text that a spreadsheet does not take for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"} else value
