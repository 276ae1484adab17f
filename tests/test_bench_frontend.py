"""What ``make bench-frontend`` measures is set up right, and what it writes says what it found. Others' banners are not needed."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from werkzeug.test import Client, TestResponse

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))
sys.path.insert(0, str(Path(__file__).parents[1] / "bench/frontend"))

from chart import bars
from peers import HERE, NONE, OTHERS, OURS, PEERS, Peer
from report import BEGIN, END, Result, Spread, charts, tables, write
from serve import door, sites
from visit import Inspection, Load, Refusal, Round, path

Get = Callable[..., TestResponse]


@pytest.fixture(scope="module")
def get(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Get]:
    """Ask a banner's site for a page, as a browser that keeps cookies."""
    folder = tmp_path_factory.mktemp("bench")
    ours = door(folder, f"sqlite:///{folder / 'consent.db'}")
    client = Client(sites(folder, ours))

    def ask(peer: Peer, address: str = "/", **more: object) -> TestResponse:
        headers = {"Accept-Encoding": "gzip", "Sec-Fetch-Dest": "document"}
        return client.open(address, base_url=f"http://{peer.name}.localhost/", headers=headers, **more)

    yield ask
    ours.site.close()


def _text(answer: TestResponse) -> str:
    assert answer.headers["Content-Encoding"] == "gzip"
    return gzip.decompress(answer.data).decode()


# The pages


def test_ours_asks_and_holds_on_the_same_page_as_the_others(get: Get) -> None:
    ours, alone = _text(get(OURS)), _text(get(NONE))
    assert 50_000 <= len(alone) <= 51_000
    assert "example.org" not in alone
    assert 'id="yc"' in ours
    assert ours.count('data-consent-src="https://') == 2
    assert ' src="https://' not in ours
    assert "The depot becomes a library" in ours
    assert float(get(OURS).headers["Server-Timing"].partition("dur=")[2]) > 0


def test_once_refused_ours_leaves_a_page_without_tags_alone(get: Get) -> None:
    assert get(OURS, "/_consent/decision", method="POST", data={"action": "refuse"}).status_code == 303
    plain = _text(get(OURS, "/plain"))
    assert 'id="yc"' not in plain
    assert "consent.js" not in plain


@pytest.mark.parametrize("peer", OTHERS, ids=lambda peer: peer.name)
def test_each_peer_says_how_it_is_set_up_and_calls_nobody_by_itself(peer: Peer, get: Get) -> None:
    assert (PEERS / f"{peer.name}.html").read_text("utf-8").startswith("<!-- As its ")
    page = _text(get(peer))
    head, end = (part.replace("{origin}", f"http://{peer.name}.localhost") for part in peer.fragments)
    assert head + "</head>" in page
    assert end + "</body>" in page
    outside = page.replace('<template data-purpose="analytics"><script src=', "").replace(
        '<template data-purpose="marketing"><script src=', ""
    )
    assert ' src="https://' not in outside


def test_each_peer_is_pinned() -> None:
    wanted = json.loads((HERE / "package.json").read_text("utf-8"))
    locked = json.loads((HERE / "package-lock.json").read_text("utf-8"))["packages"]
    assert {peer.package for peer in OTHERS} <= wanted["dependencies"].keys()
    for name, version in {**wanted["dependencies"], **wanted["devDependencies"]}.items():
        assert locked[f"node_modules/{name}"]["version"] == version


def test_a_selector_is_followed_through_shadow_trees() -> None:
    assert path("a-host b-host button") == ["a-host", "b-host", "button"]


# The figures


def _load(zipped: int, script: float, files: int) -> Load:
    return Load(zipped * 3, zipped, files, files, 3.0, 900.0, script, 600.0, 1, 55.0, 0.0)


def _result(title: str, zipped: int, script: float, usable: float, **inspected: object) -> Result:
    first = _load(zipped, script, 4)
    rounds = [Round(first, Refusal(900, 900, 900 + usable + jitter), first) for jitter in (-4, 0, 8)]
    given = {
        "axe": (), "axe_second": (), "focus_taken": False, "tabs": 2, "key_refuses": True, "buttons": (178, 46, 178, 46),
        "covers": (0.11, 0.3), "without_script": True, "left": 3, **inspected,
    }  # fmt: skip
    return Result(title, "1.2.3", rounds, Inspection(**given))  # type: ignore[arg-type]


_RESULTS = [
    Result("no banner", "", [Round(_load(12_000, 2.0, 3))] * 3),
    _result("consent", 16_500, 10.0, 20),
    _result(
        "Other", 30_000, 90.0, 400, axe=("region",), axe_second=None, tabs=100, key_refuses=False,
        buttons=(60, 30, 120, 30), without_script=False, left=5,
    ),
]  # fmt: skip


def _row(text: str, table: int, name: str) -> list[str]:
    rows = [line for line in text.splitlines() if line.startswith((f"| {name} ", f"| {name} |"))]
    return [cell.strip() for cell in rows[table].strip("|").split("|")]


def test_the_tables_say_what_was_found() -> None:
    text = tables(_RESULTS, "In one run.")
    assert text.startswith("In one run.\n\n")
    ours, other = "**consent**", "Other"
    assert _row(text, 0, ours) == ["**consent** 1.2.3", "4.5", "14", "1", "900 (900–900)", "0 (0–0)", "20 (18–24)"]
    assert _row(text, 1, ours) == ["**consent**", "8 (8–8)", "0 (0–0)", "+0", "+0", "0.000", "+0.0"]
    assert _row(text, 2, ours)[1:] == ["none", "none", "2", "no", "178 × 46, 100% of accept", "11%, 30%", "yes"]
    assert _row(text, 2, other)[1:] == [
        "region", "no second layer", "100, but Enter does nothing", "no", "60 × 30, 50% of accept", "11%, 30%", "no",
    ]  # fmt: skip
    assert _row(text, 3, ours) == ["**consent**", "1", "0", "4", "4.5", "8 (8–8)"]
    assert _row(text, 3, other)[:3] == ["Other", "1", "2"]


def test_a_spread_is_the_median_and_its_quartiles() -> None:
    assert str(Spread.of([1, 2, 3, 4, 100])) == "3 (2–4)"
    assert str(Spread.of([1234])) == "1,234 (1,234–1,234)"


def test_each_chart_shows_each_banner_and_marks_ours() -> None:
    drawn = charts(_RESULTS)
    assert set(drawn) == {"frontend-weight.svg", "frontend-usable.svg", "frontend-scripts.svg"}
    for svg in drawn.values():
        root = ET.fromstring(svg)
        bars_drawn = root.findall("{*}rect")
        assert [bar.get("class") for bar in bars_drawn] == ["marked", None]
        assert "prefers-color-scheme:dark" in svg
    assert [text.text for text in ET.fromstring(drawn["frontend-weight.svg"]).findall("{*}text")][1:] == [
        "consent", "4.5", "Other", "18.0",
    ]  # fmt: skip


def test_bars_are_linear_or_logarithmic() -> None:
    def widths(*, linear: bool) -> list[float]:
        root = ET.fromstring(bars("t", {"a": 10, "b": 100}, marked="a", linear=linear))
        return [float(bar.get("width", "")) for bar in root.findall("{*}rect")]

    assert widths(linear=True) == [42, 420]
    assert widths(linear=False) == [210, 420]


def test_only_what_stands_between_the_marks_is_written(tmp_path: Path) -> None:
    page = tmp_path / "frontend.md"
    page.write_text(f"# Title\n\n{BEGIN}\nold\n{END}\n\nAfter.\n")
    for _ in range(2):  # the second time the same
        write(tmp_path, _RESULTS, "In one run.")
        text = page.read_text()
        assert text.startswith(
            f"# Title\n\n{BEGIN}\n\n![KB that a first visit loads more, gzip: consent 4.5, Other 18.0]("
        )
        assert text.endswith(f"\n\n{END}\n\nAfter.\n")
        assert "old" not in text
        assert text.count("In one run.") == 1
    assert (tmp_path / "frontend-usable.svg").read_text().startswith("<svg")


def test_a_page_without_marks_is_not_written(tmp_path: Path) -> None:
    (tmp_path / "frontend.md").write_text(f"# Title\n{BEGIN}\n")
    with pytest.raises(ValueError, match="has no"):
        write(tmp_path, _RESULTS, "In one run.")
    assert (tmp_path / "frontend.md").read_text() == f"# Title\n{BEGIN}\n"
