"""Receipts that visitors bring back are kept out of the database's reach."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from records import make_record

from consent.log import sample
from consent.log.command.proving import _receipts
from consent.log.sample import Sample

sys.path.append(str(Path(__file__).parents[1] / "adapters"))

from doors import DOORS, SETTINGS, Request, Served

LEAF = "ab" * 32
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
SITE = {"/": Served(b"<!doctype html><body>News")}


def lines(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_of_many_visitors_the_same_few_are_kept_each_once(tmp_path: Path) -> None:
    ids = [make_record(number).id[:-2] + f"{number:02x}" for number in range(256)]
    for _ in range(2):
        kept = Sample(str(tmp_path / "receipts"))
        for record in ids * 3:
            kept.see(record, LEAF)
    found = lines(tmp_path / "receipts")
    assert [each["id"] for each in found] == ids[:: sample.ONE_IN] * 2
    assert _receipts((tmp_path / "receipts").read_text()) == [(record, LEAF) for record in ids[:: sample.ONE_IN] * 2]


def test_a_visitor_who_agreed_brings_the_receipt_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "ONE_IN", 1)
    path = tmp_path / "receipts"
    door = DOORS["wsgi"](SITE, {**SETTINGS, "receipts": str(path)})
    for action in ("refuse", "accept"):
        answer = door.ask(Request("/_consent/decision", "POST", FORM, f"action={action}".encode()))
        assert lines(path) == []
        door.ask(Request(headers={"Cookie": answer.cookie()}))
    receipt = lines(path)
    assert [each["id"] for each in receipt] == [each.id for each in door.log.kept if each.granted]
    assert len(bytes.fromhex(receipt[0]["leaf"])) == 32


def test_a_file_that_cannot_be_written_is_told_once_and_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sample, "ONE_IN", 1)
    door = DOORS["wsgi"](SITE, {**SETTINGS, "receipts": str(tmp_path / "nowhere" / "receipts")})
    for _ in range(2):
        cookie = door.ask(Request("/_consent/decision", "POST", FORM, b"action=accept")).cookie()
        assert door.ask(Request(headers={"Cookie": cookie})).status == 200
    assert [each.getMessage() for each in caplog.records] == ["receipts that visitors bring back cannot be kept"]
