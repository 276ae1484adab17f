"""The log in Django's admin, as somebody sees it who may look at it."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from records import KEY, make_record
from sealing import SIGNER
from sites import SETTINGS, exchanged

from consent.log.record import Record, uuid7
from consent.log.seal import Sealer
from consent.log.store import SqlStore

LIST = "/admin/consent/record/"
WORDS = json.dumps({"title": "Your choice", "text": "Some <b>words</b>.", "lang": "en", "v": 1}).encode()
#: Milliseconds of noon UTC on a Wednesday, today.
NOON = int(datetime(2026, 11, 18, 12, tzinfo=UTC).timestamp() * 1000)


def a_record(number: int, *, back: int = 0, **changes: Any) -> Record:
    """A record of so many days back."""
    ts = NOON - back * 86_400_000 + number * 1000
    return make_record(number, id=uuid7(ts, number.to_bytes(10)), ts=ts, notice=WORDS, **changes)


RECORDS = [
    a_record(0, back=9, kind="accept_all", granted=("analytics", "marketing"), refused=()),
    a_record(1, back=8, kind="refuse_all", granted=(), refused=("analytics", "marketing"), lang="de"),
    a_record(2, back=1, kind="custom", granted=("analytics",), refused=("marketing",), regime="us-ca"),
    a_record(3, kind="withdraw", granted=(), refused=("analytics", "marketing"), prev=uuid7(NOON - 86_398_000, (2).to_bytes(10))),
]  # fmt: skip
WAITS = a_record(4, kind="accept_all", granted=("analytics", "marketing"), refused=(), lang="fr")


@pytest.fixture
def store(database: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SqlStore:
    """Four decisions that are sealed, and one that waits."""
    from consent.django import admin, filters
    from consent.django.store import DjangoDatabase

    class Today(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Today:
            return cls(2026, 11, 18, 13, tzinfo=tz)

    for module in (admin, filters):
        monkeypatch.setattr(module, "datetime", Today)
    database_of_log = DjangoDatabase("default")
    store = SqlStore(database_of_log, [KEY])
    for record in RECORDS:
        store.append(record, WORDS)
    Sealer(database_of_log, SIGNER, tmp_path / "state", clock=lambda: NOON / 1000 + 60).seal()
    store.append(WAITS, WORDS)
    return store


def signed_in(*permissions: str, superuser: bool = False) -> Any:
    from django.contrib.auth.models import Permission, User
    from django.test import Client

    name = f"user{User.objects.count()}"
    user = User.objects.create(username=name, is_staff=True, is_superuser=superuser)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def looked_at(path: str, client: Any = None) -> BeautifulSoup:
    answer = (client or signed_in("view_record")).get(path)
    assert answer.status_code == 200, (path, answer.status_code, answer.headers)
    return BeautifulSoup(answer.content, "html.parser")


def listed(query: str = "") -> list[list[str]]:
    rows = looked_at(f"{LIST}{query}").select("#result_list tbody tr")
    return [[" ".join(cell.get_text().split()) for cell in row.select("th, td")] for row in rows]


def times(query: str) -> list[str]:
    return [row[0] for row in listed(query)]


def path_of(record: Record) -> str:
    return f"{LIST}{record.id}/change/"


# The list


def test_the_list_says_what_was_decided_and_what_is_sealed(store: SqlStore) -> None:
    assert listed() == [
        ["2026-11-18 12:00:04", "accepted all", "analytics, marketing", "–", "fr", "eu", "waits"],
        ["2026-11-18 12:00:03", "withdrew", "–", "analytics, marketing", "en", "eu", "sealed"],
        ["2026-11-17 12:00:02", "accepted in part", "analytics", "marketing", "en", "us-ca", "sealed"],
        ["2026-11-10 12:00:01", "refused all", "–", "analytics, marketing", "de", "eu", "sealed"],
        ["2026-11-09 12:00:00", "accepted all", "analytics, marketing", "–", "en", "eu", "sealed"],
    ]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("?kind=accept_all", [4, 0]),
        ("?kind=removed", []),
        ("?granted=analytics", [4, 2, 0]),
        ("?refused=analytics", [3, 1]),
        ("?granted=analytics&refused=marketing", [2]),
        ("?granted=anal_tics", []),
        ("?granted=%25", []),
        ("?lang=de", [1]),
        ("?regime=us-ca", [2]),
        ("?day=today", [4, 3]),
        ("?day=7", [4, 3, 2]),
        ("?day=2026-11-10", [1]),
        ("?day=2026-11-09..2026-11-10", [1, 0]),
        ("?day=2026-11-10&lang=en", []),
        ("?o=0", [0, 1, 2, 3, 4]),
    ],
)
def test_filters_choose(store: SqlStore, query: str, numbers: list[int]) -> None:
    shown = [row[0][-2:] for row in listed(query)]
    assert shown == [f"{number:02}" for number in numbers]


def test_filters_offer_what_there_is(store: SqlStore) -> None:
    filters = looked_at(LIST).select("#changelist-filter details")
    offered = {
        spec["data-filter-title"]: [link.get_text().strip() for link in spec.select("li a")][1:] for spec in filters
    }
    assert offered["language"] == ["de", "en", "fr"]
    assert offered["regime"] == ["eu", "us-ca"]
    assert offered["granted"] == offered["refused"] == ["Analytics", "Marketing"]
    chosen = looked_at(f"{LIST}?day=2026-11-09..2026-11-10").select("#changelist-filter li.selected")
    assert "2026-11-09..2026-11-10" in [link.get_text().strip() for link in chosen]


def test_nonsense_in_the_address_is_no_error(store: SqlStore) -> None:
    client = signed_in("view_record")
    assert client.get(f"{LIST}?day=2026-13-45").status_code == 302
    assert client.get(f"{LIST}export/csv/?day=x").status_code == 404
    assert client.get(f"{LIST}export/xls/").status_code == 404


def test_a_decision_is_found_by_a_receipt(store: SqlStore) -> None:
    [sealed], [waits] = store.find(RECORDS[1].id), store.find(WAITS.id)
    for text in (sealed.id, sealed.id[:20], sealed.leaf, json.dumps({"id": sealed.id, "leaf": sealed.leaf})):
        assert times(f"?q={text}") == ["2026-11-10 12:00:01"], text
    assert times(f"?q={waits.leaf}") == ["2026-11-18 12:00:04"], "a leaf that is not there yet"
    assert times(f"?q={json.dumps({'id': sealed.id, 'leaf': waits.leaf})}") == [], "not of one another"
    assert times("?q=ff") == times("?q=nonsense") == []


def test_the_list_s_queries_do_not_grow_with_it(store: SqlStore) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client = signed_in("view_record")

    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            looked_at(LIST, client)
        return len(found)

    before = queries()
    for number in range(10, 40):
        store.append(a_record(number), WORDS)
    assert queries() == before


# One decision


def test_a_decision_shows_what_was_shown_and_how_it_is_proved(store: SqlStore) -> None:
    seen = looked_at(path_of(RECORDS[3]))
    fields = {name.get_text(): " ".join(value.get_text().split()) for name, value in zip(seen.select("dt"), seen.select("dd"), strict=True)}  # fmt: skip
    assert fields["Record"] == RECORDS[3].id
    assert (fields["Kind"], fields["Refused"], fields["Language"]) == ("withdraw", "analytics, marketing", "en")
    assert (fields["Content"], fields["Code"]) == ("is what was committed to", "right: made with this site’s key")
    assert fields["Sealed"] == "leaf 3 of 4, signed 2026-11-18 12:01:00 UTC; under the root that was signed"
    assert seen.select_one(f'a[href="{path_of(RECORDS[2])}"]'), "the decision that it replaces"
    shown = seen.select_one(".consent-shown")
    assert shown is not None
    assert (shown["lang"], shown.get_text(" ", strip=True)) == ("en", "Your choice Some <b>words</b>.")
    assert not seen.select(".errornote")


def test_a_decision_that_waits_says_so(store: SqlStore) -> None:
    text = looked_at(path_of(WAITS)).get_text(" ", strip=True)
    assert "not yet: it waits for" in text
    assert "Download the proof" not in text


def test_the_proof_that_is_downloaded_is_the_command_line_s(store: SqlStore) -> None:
    from consent.log.checkpoint import parse_proof
    from consent.log.proof import check

    answer = signed_in("view_record").get(f"{LIST}{RECORDS[0].id}/proof/")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{RECORDS[0].id}.tlog-proof"'
    proven = check(parse_proof(answer.content.decode()), SIGNER.trust)
    assert (proven.content, proven.words) == (RECORDS[0], WORDS.decode())
    assert signed_in("view_record").get(f"{LIST}{WAITS.id}/proof/").status_code == 302


@pytest.mark.parametrize(
    ("change", "in_list", "said"),
    [
        ("UPDATE consent_record SET body = REPLACE(body, 'withdraw', 'accept_all') WHERE rid = %s", "does not check", "its content is not what was committed to"),
        ("UPDATE consent_record SET mac = commitment WHERE rid = %s", "does not check", "its code is wrong"),
        ("UPDATE consent_record SET ts = ts + 1 WHERE rid = %s", "does not check", "Its leaf is not under the root"),
        ("DELETE FROM consent_leaf WHERE rid = %s", "waits", "It is neither sealed nor waits for it."),
        ("UPDATE consent_notice SET content = sha256 WHERE %s IS NOT NULL", "sealed", "are not those that the visitor was shown"),
        ("DELETE FROM consent_notice WHERE %s IS NOT NULL", "sealed", "The words that the visitor was shown are not kept."),
    ],
)  # fmt: skip
def test_what_was_changed_is_an_alarm(store: SqlStore, change: str, in_list: str, said: str) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(change, [bytes.fromhex(RECORDS[3].id)])
    assert listed("?day=today")[1][-1] == in_list
    alarms = looked_at(path_of(RECORDS[3])).select(".errornote")
    assert any(said in alarm.get_text() for alarm in alarms)


def test_bytes_that_are_no_text_are_shown_as_an_alarm_and_not_as_an_error(
    small: dict[str, Any], store: SqlStore
) -> None:
    from django.db import connection

    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL keeps nothing but text in a text")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE consent_record SET body = CAST(x'ff22' AS TEXT), salt = 7 WHERE rid = %s", [bytes.fromhex(WAITS.id)]
        )
    assert listed()[0][1:] == ["cannot be read", "–", "–", "–", "–", "does not check"]
    assert looked_at(path_of(WAITS)).select(".errornote")
    assert WAITS.id in exported("csv/")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE consent_record SET rid = 'x' WHERE rid = %s", [bytes.fromhex(WAITS.id)])
    assert listed()[0][1:] == ["cannot be read", "–", "–", "–", "–", "does not check"]


def test_a_time_that_is_in_no_calendar_is_an_alarm_and_not_an_error(store: SqlStore) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("UPDATE consent_record SET ts = %s WHERE rid = %s", [-(10**14), bytes.fromhex(WAITS.id)])
    assert listed()[-1] == ["1970-01-01 00:00:00", "cannot be read", "–", "–", "–", "–", "does not check"]
    assert looked_at(path_of(WAITS)).select(".errornote")


def test_removed_content_is_gone_and_its_tombstone_says_of_whom(store: SqlStore, django: Callable[..., Any]) -> None:
    from django.core.management import call_command

    call_command("consent", "log", "erase", RECORDS[1].id, "--yes", stdout=io.StringIO())
    assert listed("?kind=removed") == [["2026-11-10 12:00:01", "content removed", "–", "–", "–", "–", "sealed"]]
    assert "was removed; what is left says nothing of it" in looked_at(path_of(RECORDS[1])).get_text()
    [stone] = store.records(since=NOON + 60_000)
    assert looked_at(f"{LIST}{stone.id}/change/").select_one(f'a[href="{path_of(RECORDS[1])}"]')


def test_a_decision_that_is_not_there(store: SqlStore) -> None:
    client = signed_in("view_record")
    for name in ("0" * 32, "nonsense", "'"):
        answer = client.get(f"{LIST}{name}/change/", follow=True)
        assert (answer.status_code, answer.redirect_chain[-1][0]) == (200, LIST)
        assert "There is no decision" in answer.content.decode()
    assert client.get(f"{LIST}{'0' * 32}/proof/").status_code == 404


# Exporting


def exported(path: str) -> str:
    answer = signed_in("view_record").get(f"{LIST}export/{path}")
    assert answer.status_code == 200
    assert re.fullmatch(
        r'attachment; filename="decisions-2026-11-18\.(csv|jsonl)"', answer.headers["Content-Disposition"]
    )
    return b"".join(answer.streaming_content).decode()


def test_what_is_exported_is_what_the_list_shows_oldest_first(store: SqlStore) -> None:
    rows = [*csv.DictReader(io.StringIO(exported("csv/?granted=analytics")))]
    assert [row["id"] for row in rows] == [RECORDS[0].id, RECORDS[2].id, WAITS.id]
    assert (rows[1]["kind"], rows[1]["granted"], rows[1]["problem"]) == ("custom", "analytics", "")
    lines = exported("jsonl/?kind=refuse_all").splitlines()
    assert [json.loads(line)["id"] for line in lines] == [RECORDS[1].id]
    assert looked_at(f"{LIST}?lang=de").select_one(f'a[href="{LIST}export/csv/?lang=de"]')


def test_an_export_is_as_the_command_line_s(store: SqlStore, django: Callable[..., Any]) -> None:
    from django.core.management import call_command

    for form in ("csv", "jsonl"):
        written = io.StringIO(newline="")
        call_command("consent", "log", "export", "--format", form, stdout=written)
        assert exported(f"{form}/") == written.getvalue()


# Choices over time


def test_the_dashboard_counts_by_day_week_and_purpose(store: SqlStore) -> None:
    seen = looked_at(f"{LIST}dashboard/")
    rows = [
        [cell.get_text() for cell in row.select("th, td")] for row in seen.select("#consent-numbers ~ div tbody tr")
    ]
    assert len(rows) == 30
    assert rows[:2] == [["2026-11-18", "1", "0", "0", "1", "2", "0"], ["2026-11-17", "0", "1", "0", "0", "1", "0"]]
    assert rows[8:10] == [["2026-11-10", "0", "0", "1", "0", "1", "0"], ["2026-11-09", "1", "0", "0", "0", "1", "0"]]
    assert [cell.get_text() for cell in seen.select("tfoot td")] == ["2", "1", "1", "1", "5", "0"]
    purposes = [
        [cell.get_text().strip() for cell in row.select("th, td")]
        for row in seen.select("#consent-purposes ~ div tbody tr")
    ]
    assert purposes == [["Analytics", "3", "2", "60 %"], ["Marketing", "2", "3", "40 %"]]
    assert len(seen.select("svg[role=img] rect")) == 5
    weeks = looked_at(f"{LIST}dashboard/?span=week")
    [this, last] = weeks.select("#consent-numbers ~ div tbody tr")[:2]
    assert [cell.get_text() for cell in this.select("th, td")] == ["2026-11-16", "1", "1", "0", "1", "3", "0"]
    assert [cell.get_text() for cell in last.select("th, td")] == ["2026-11-09", "1", "0", "1", "0", "2", "0"]
    link = last.select_one("a")
    assert link is not None
    assert times(str(link["href"]).removeprefix(LIST)) == ["2026-11-10 12:00:01", "2026-11-09 12:00:00"]


def test_the_dashboard_of_an_empty_log(small: dict[str, Any], django: Callable[..., Any]) -> None:
    text = looked_at(f"{LIST}dashboard/?span=nonsense").get_text(" ", strip=True)
    assert "Together 0 0 0 0 0 0" in text


def test_the_dashboard_asks_one_question_however_long_the_log_is(store: SqlStore) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client = signed_in("view_record")
    with CaptureQueriesContext(connection) as found:
        looked_at(f"{LIST}dashboard/?span=long", client)
    asked = [query["sql"] for query in found if "consent_record" in query["sql"]]
    [sql] = asked
    assert '"ts" >=' in sql, "of the days that are shown"


def test_columns_are_as_high_as_their_numbers(django: Callable[..., Any]) -> None:
    from consent.django.dashboard import Choices, Period, draw

    one = date(2026, 11, 18)
    bars, top = draw([Period(one, one, Choices(accepted=3, refused=1)), Period(one, one, Choices())])
    assert top == 4
    assert [(bar.name, bar.x, bar.y, bar.height) for bar in bars] == [
        ("accepted", 1.5, 25, 75),
        ("refused", 1.5, 0, 25),
    ]
    tops = [draw([Period(one, one, Choices(accepted=number))])[1] for number in (0, 5, 9, 21, 41, 401, 999)]
    assert tops == [4, 8, 20, 40, 80, 800, 2000]


# Who may what


def test_nobody_may_add_change_or_delete(store: SqlStore) -> None:
    client = signed_in(superuser=True)
    for path in (f"{LIST}add/", f"{LIST}{WAITS.id}/delete/"):
        assert client.get(path).status_code == 403
        assert client.post(path, {"post": "yes"}).status_code == 403
    assert client.post(path_of(WAITS), {"body": "{}"}).status_code == 403
    client.post(LIST, {"action": "delete_selected", "_selected_action": [WAITS.id], "post": "yes"})
    assert len(listed()) == 5
    seen = looked_at(LIST, client)
    assert not seen.select("select[name=action], a.addlink[href*=consent], input[type=checkbox]")


def test_who_may_not_view_sees_nothing(store: SqlStore) -> None:
    client = signed_in()
    assert "consent/record" not in looked_at("/admin/", client).decode()
    paths = ("", "dashboard/", "export/csv/", f"{WAITS.id}/change/", f"{WAITS.id}/proof/")
    assert {client.get(f"{LIST}{path}").status_code for path in paths} == {403}
    from django.test import Client

    assert {Client().get(f"{LIST}{path}").status_code for path in paths} == {302}


def test_where_the_log_is_elsewhere_the_admin_has_none(
    small: dict[str, Any], django: Callable[..., Any], tmp_path: Path
) -> None:
    django(CONSENT={**SETTINGS, "log": f"sqlite:///{tmp_path}/own.db"})
    client = signed_in(superuser=True)
    assert "consent/record" not in looked_at("/admin/", client).decode()
    assert client.get(LIST).status_code == 403


def test_the_admin_reads_the_database_of_the_log(
    make_database: Callable[[str], dict[str, Any]], django: Callable[..., Any]
) -> None:
    from consent.django.store import DjangoDatabase

    with exchanged({"default": make_database("sqlite"), "logs": make_database("sqlite")}):
        django(CONSENT={**SETTINGS, "log": "django:logs"})
        store = SqlStore(DjangoDatabase("logs"), [KEY])
        store.append(WAITS, WORDS)
        store.close()
        assert times("") == ["2026-11-18 12:00:04"]
        assert "Your choice" in looked_at(path_of(WAITS)).get_text()
        assert looked_at(f"{LIST}dashboard/")
