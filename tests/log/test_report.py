"""``consent report``: the numbers are the log's, and the page says whether it is what it was."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from records import KEY, NOTICE, START, make_record

from consent.cli import main
from consent.log.checkpoint import Signer
from consent.log.note import format_vkey
from consent.log.record import Record, void
from consent.log.seal import Sealer
from consent.log.store import SqlStore, Stored, open_database
from consent.log.summary import summarize

SIGNER = Signer.new("example.org/consent", bytes(range(64)))
DAY = 86_400_000


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A sealed log of eleven decisions over three days, one of which does not count."""
    url = f"sqlite:///{tmp_path / 'consent.db'}"
    store = SqlStore(open_database(url), [KEY])
    for number in range(10):
        kind = ("accept_all", "refuse_all", "custom", "withdraw")[number % 4]
        granted = ("analytics", "marketing") if kind == "accept_all" else ("analytics",) if kind == "custom" else ()
        refused = tuple({"analytics", "marketing"} - set(granted))
        store.append(
            make_record(
                number, ts=START + number * DAY // 4, kind=kind, granted=granted, refused=tuple(sorted(refused)),
                lang="de" if number % 2 else "en", regime="us-ca" if number == 9 else "eu", gpc=number == 9,
            ),
            NOTICE,
        )  # fmt: skip
    mistaken = make_record(10, ts=START + 3 * DAY, kind="accept_all", granted=("analytics", "marketing"), refused=())
    store.append(mistaken, NOTICE)
    store.append(void(mistaken, id=make_record(11, ts=START + 3 * DAY + 1).id, ts=START + 3 * DAY + 1), NOTICE)
    store.close()
    database = open_database(url)
    Sealer(database, SIGNER, tmp_path / "state", keys=[KEY], clock=lambda: START / 1000 + 4 * 86_400).seal()
    database.close()
    (tmp_path / "keys").write_text("".join(f"{format_vkey(key)}\n" for key in SIGNER.trust.keys))
    return url


def page(url: str, tmp_path: Path, *more: str) -> tuple[int, str]:
    code = main(["report", "--log", url, "--output", str(tmp_path / "report.html"), *more])
    return code, (tmp_path / "report.html").read_text("utf-8")


def cells(html: str, head: str) -> list[str]:
    """The cells of the row with that head, without markup, and without what is drawn."""
    row = re.search(rf'<th scope="row">(?:<[^>]*>)*{re.escape(head)}(?:<[^>]*>)*</th>(.*?)</tr>', html)
    assert row is not None, head
    return [re.sub("<svg.*?</svg>|<[^>]*>", "", cell) for cell in re.findall("<td[^>]*>(.*?)</td>", row[1])]


def test_what_was_declared_void_is_not_counted(url: str) -> None:
    store = SqlStore(open_database(url), [KEY])
    summary = summarize(store.records(), lambda name: store.find(name)[0].record)
    store.close()
    assert summary.records == 12
    assert summary.kinds == {"accepted": 3, "refused": 3, "accepted in part": 2, "withdrawn": 2}
    assert sum(summary.granted.values()) == 8


def test_the_page_has_the_logs_numbers(url: str, tmp_path: Path) -> None:
    code, html = page(url, tmp_path, "--trust", str(tmp_path / "keys"))
    assert code == 0
    assert "The log is what was signed." in html
    assert cells(html, "analytics") == ["", "5", "5", "50 %"]
    assert cells(html, "de") == ["", "–", "–", "3", "2", "5", "0 %"]
    assert cells(html, "us-ca") == ["", "–", "–", "1", "–", "1", "0 %"]
    assert cells(html, "Sealed") == ["12 records, under 1 checkpoint"]
    assert cells(html, "Name") == ["example.org/consent"]
    assert "of 12 records" in cells(html, "Last checkpoint")[0]
    assert cells(html, "With the signal on (GPC)") == ["1"]
    assert "who chose twice counts twice" in html
    heads = re.findall("<h2>(.*?)</h2>", html)
    assert heads[0] == "Choices over time"
    assert heads[-1] == "Choices over time, in numbers", "what is long on paper comes last"
    assert len(re.findall(r"<rect[^>]*><title>\d\d\.\d\d\.26: \d+ ", html)) > 5
    drawn = re.search(r'<th scope="row">de</th><td><svg class="shares".*?</svg>', html)
    assert drawn is not None
    assert re.findall(r'class="(\w+)" x="[\d.]+" y="0" width="([\d.]+)"', drawn[0]) == [
        ("refused", "60.00"),
        ("withdrawn", "40.00"),
    ]


def test_a_span_of_time_is_counted_alone(url: str, tmp_path: Path) -> None:
    _, html = page(url, tmp_path, "--until", "2000-01-01")
    assert "No decisions · counted until 01 January 2000, 00:00 UTC · made" in html
    assert cells(html, "Sealed") == ["12 records, under 1 checkpoint"]


def test_a_span_that_ends_before_it_begins_is_one_clear_error(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--log", url, "--since", "2026-11-02", "--until", "2026-11-02"]) == 2
    assert "--until must be later than --since" in capsys.readouterr().err


def test_what_was_declared_void_later_than_the_span_or_before_it_is_not_counted(url: str) -> None:
    """Void is a record made at ``START + 3 * DAY``; a millisecond later it is said to be."""
    store = SqlStore(open_database(url), [KEY])
    mistaken, voids = (store.find(make_record(number, ts=START + 3 * DAY + number - 10).id)[0] for number in (10, 11))
    again = void(made(mistaken), id=make_record(12, ts=START + 3 * DAY + 5).id, ts=START + 3 * DAY + 5)
    store.append(again, NOTICE)
    for since, until in ((mistaken.ts, voids.ts), (voids.ts, None), (mistaken.ts, None)):
        records = store.records(since=since)
        summary = summarize(records, lambda name: store.find(name)[0].record, until=until)
        assert +summary.kinds == {}
        assert -summary.kinds == {}, "what was made earlier, or was taken back already, is not taken back"
    store.close()


def made(stored: Stored) -> Record:
    assert stored.record is not None
    return stored.record


def test_a_log_that_was_tampered_with_is_said_to_be(url: str, tmp_path: Path) -> None:
    database = open_database(url)
    database.write(
        [("DROP TRIGGER IF EXISTS consent_record_update", ()), ("UPDATE consent_record SET ts = ts + 1", ())]
    )
    database.close()
    code, html = page(url, tmp_path)
    assert code == 1
    assert "The log was tampered with." in html


def test_the_first_sentence_claims_nothing_that_was_not_checked(url: str, tmp_path: Path) -> None:
    keys = ("--trust", str(tmp_path / "keys"))
    assert "its signatures were not checked." in page(url, tmp_path)[1]
    store = SqlStore(open_database(url), [KEY])
    store.append(make_record(20, ts=START + 4 * DAY), NOTICE)
    store.close()
    assert "What is sealed is what was signed; 1 record not signed yet." in page(url, tmp_path, *keys)[1]
    empty = f"sqlite:///{tmp_path / 'empty.db'}"
    main(["log", "init", "--log", empty])
    assert "nothing in it is signed yet." in page(empty, tmp_path, *keys)[1]


def test_another_key_than_the_sites_is_not_said_to_be_tampering_alone(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONSENT_SECRET_KEY", "another-secret-for-tests-that-is-long")
    code, html = page(url, tmp_path)
    assert code == 1
    assert "tampered with, or was made with another key than the one given here." in html


def test_checkpoints_that_were_kept_elsewhere_are_compared(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys, pins = ("--trust", str(tmp_path / "keys")), tmp_path / "pins"
    main(["log", "verify", "--log", url, *keys, "--keep", str(pins)])
    assert "No pinned checkpoint was given" in page(url, tmp_path, *keys)[1]
    code, html = page(url, tmp_path, *keys, "--pin", str(pins))
    assert code == 0
    assert cells(html, "Compared with") == ["1 checkpoint kept elsewhere"]
    assert "No pinned checkpoint was given" not in html
    pins.write_text("no pins")
    capsys.readouterr()
    assert main(["report", "--log", url, *keys, "--pin", str(pins)]) == 2
    assert "not a file of checkpoints" in capsys.readouterr().err


def test_open_questions_are_those_of_a_scan(url: str, tmp_path: Path) -> None:
    assert "consent scan URL" in page(url, tmp_path)[1]
    finding = {"severity": "error", "text": "Hotjar is <called>", "rule": "undeclared", "remedy": "Declare it."}
    (tmp_path / "scan.json").write_text(json.dumps({"findings": [finding]}))
    assert "Hotjar is &lt;called&gt;" in page(url, tmp_path, "--scan", str(tmp_path / "scan.json"))[1]


def test_what_is_no_scan_is_one_clear_error(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "scan.json").write_text("[]")
    assert main(["report", "--log", url, "--scan", str(tmp_path / "scan.json")]) == 2
    assert "is not what consent scan --json writes" in capsys.readouterr().err


def test_the_page_may_go_to_standard_output(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--log", url, "--output", "-", "--title", "For the board"]) == 0
    assert "<title>For the board</title>" in capsys.readouterr().out
