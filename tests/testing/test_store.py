"""The log in a list answers as a real one does."""

from __future__ import annotations

from typing import Any

import pytest
from records import KEY, START, make_record

from consent.errors import LogUnavailable
from consent.log.store import open_store
from consent.testing import ListStore

RECORDS = [make_record(number) for number in (2, 0, 3, 1, 1)]
FILTERS: list[dict[str, Any]] = [
    {},
    {"since": START + 1000},
    {"until": START + 3000},
    {"limit": 2},
    {"limit": 0},
    {"since": START, "until": START + 3000, "limit": 1},
    {"after": (RECORDS[0].ts, RECORDS[0].id)},
]


@pytest.mark.parametrize("filters", FILTERS, ids=str)
def test_records_come_as_from_a_database(filters: dict[str, Any]) -> None:
    real, fake = open_store("sqlite://", keys=[KEY]), ListStore()
    try:
        for record in RECORDS:
            real.append(record)
            fake.append(record)
        assert [each.record for each in fake.records(**filters)] == [each.record for each in real.records(**filters)]
    finally:
        real.close()


def test_a_log_that_is_switched_off_cannot_be_read_either() -> None:
    fake = ListStore(available=False)
    with pytest.raises(LogUnavailable):
        fake.records()
