"""What a visitor holds is proved by the log, once it is sealed, to whoever has the log's key and nothing else."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
from doors import SECRET, Request, call_wsgi
from reader import Browser, site_with

from consent.log.append import open_log
from consent.log.checkpoint import Signer, parse_proof
from consent.log.proof import check
from consent.log.record import mac_key
from consent.log.seal import Sealer
from consent.log.store import open_database


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_visitors_receipt_is_proved_by_the_log(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    url = f"sqlite:///{tmp_path}/consent.db" if kind == "sqlite" else request.getfixturevalue("cluster").new_schema()
    site = site_with(open_log(url, keys=[mac_key(SECRET.encode())]))
    browser = Browser(site)
    browser.post("action=refuse")
    browser.post("action=accept")

    def receipt() -> dict[str, object]:
        asked = Request("/_consent/receipt", headers={"Cookie": "; ".join(browser.cookies)})
        found: dict[str, object] = json.loads(call_wsgi(site, asked).body)
        return found

    assert receipt()["proof"] is None
    signer = Signer.new("www.example.org/consent", bytes(range(64)))
    with closing(open_database(url)) as database:
        Sealer(database, signer, tmp_path / "state").seal()
    held = receipt()
    proof = parse_proof(str(held["proof"]))
    proven = check(proof, signer.trust)
    assert (proven.id, proven.leaf) == (held["id"], held["leaf"])
    assert proven.checkpoint.size == 2
    # The proof says nothing of what was decided.
    assert proven.content is None
    assert b"analytics" not in proof.extra
    site.site.close()
