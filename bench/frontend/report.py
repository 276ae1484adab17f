"""Figures to what ``docs/frontend.md`` shows: tables between its markers, and charts beside it."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from visit import Inspection, Round

sys.path.insert(0, str(Path(__file__).parents[1]))
from chart import bars

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
_ALONE, _OURS = "no banner", "consent"


@dataclass(frozen=True, slots=True)
class Result:
    """What was found for one banner. The page alone has no inspection."""

    title: str
    version: str
    rounds: Sequence[Round]
    inspection: Inspection | None = None


@dataclass(frozen=True, slots=True)
class Spread:
    """A median, and the quartiles around it."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of one value at least."""
        low, median, high = statistics.quantiles(values, method="inclusive") if len(values) > 1 else [*values] * 3
        return cls(median, low, high)

    def __str__(self) -> str:
        return f"{self.median:,.0f} ({self.low:,.0f}–{self.high:,.0f})"


def added(result: Result, alone: Result, figure: Callable[[Round], float]) -> Spread:
    """How much more than the page alone, each round by itself."""
    return Spread.of([figure(ours) - figure(bare) for ours, bare in zip(result.rounds, alone.rounds, strict=True)])


def usable(result: Result) -> Spread:
    """How long after the first paint a click on refuse is honoured."""
    return Spread.of([each.refusal.usable - each.refusal.painted for each in result.rounds if each.refusal])


def tables(results: Sequence[Result], about: str) -> str:
    """The tables, and a sentence about the run."""
    alone = next(each for each in results if each.title == _ALONE)
    others = [each for each in results if each is not alone]
    return "\n\n".join((about, _first(others, alone), _meeting(others, alone), _again(others, alone)))


def _first(results: Sequence[Result], alone: Result) -> str:
    rows = [
        (
            f"{_name(each)} {each.version}",
            f"{added(each, alone, lambda run: run.first.zipped).median / 1000:.1f}",
            f"{added(each, alone, lambda run: run.first.raw).median / 1000:.0f}",
            f"{added(each, alone, lambda run: run.first.files).median:.0f}",
            Spread.of([run.first.painted for run in each.rounds]),
            Spread.of([run.refusal.seen - run.refusal.painted for run in each.rounds if run.refusal]),
            usable(each),
        )
        for each in results
    ]
    bare = Spread.of([run.first.painted for run in alone.rounds])
    work = [
        (
            _name(each),
            added(each, alone, lambda run: run.first.script),
            added(each, alone, lambda run: run.first.busy),
            f"{added(each, alone, lambda run: run.first.tasks).median:+.0f}",
            f"{added(each, alone, lambda run: run.first.tasks_ms).median:+,.0f}",
            f"{max(run.first.shift for run in each.rounds):.3f}",
            f"{added(each, alone, lambda run: run.first.server).median:+.1f}",
        )
        for each in results
    ]
    return "\n\n".join(
        (
            "**A first visit.** KB are what the page, scripts and styles weigh more than the page alone. "
            f"Times in ms; the page alone is painted at {bare}.",
            _table(
                (
                    "", "KB, gzip", "KB, raw", "requests", "first paint", "banner seen, after first paint",
                    "refuse works, after first paint",
                ),
                [*rows, ("the page alone", "", "", "", bare, "", "")],
            ),
            "**What it asks of a phone's processor**, beyond the page alone: ms of scripts, ms of the main thread, tasks longer "
            "than 50 ms, and ms of these; the layout shift of the worst round; ms that the server took longer.",
            _table(("", "scripts", "main thread", "long tasks", "ms of them", "layout shift", "server"), work),
        )
    )  # fmt: skip


def _meeting(results: Sequence[Result], alone: Result) -> str:
    rows = []
    for each in results:
        found = each.inspection
        assert found is not None, each.title
        width, height, accept_width, accept_height = found.buttons
        second = "no second layer" if found.axe_second is None else _rules(found.axe_second)
        rows.append(
            (
                _name(each),
                _rules(found.axe),
                second,
                ("never" if found.tabs is None else found.tabs)
                if found.key_refuses
                else f"{found.tabs}, but Enter does nothing",
                "yes" if found.focus_taken else "no",
                f"{width:.0f} × {height:.0f}, {width * height / accept_width / accept_height:.0%} of accept",
                f"{found.covers[0]:.0%}, {found.covers[1]:.0%}",
                "yes" if found.without_script else "no",
            )
        )
    return "\n\n".join(
        (
            "**As people meet it.** Rules of axe that each layer breaks; presses of Tab from the page's start to refuse; whether "
            "focus is taken from the page; the refuse button; the part of a desktop's and a phone's screen that is covered; whether "
            "it can be refused without JavaScript.",
            _table(
                (
                    "", "axe, first layer", "axe, second layer", "Tab presses", "takes focus", "refuse button",
                    "covers", "without JavaScript",
                ),
                rows,
            ),
        )
    )  # fmt: skip


def _again(results: Sequence[Result], alone: Result) -> str:
    bare = alone.rounds[0].first.files
    rows = []
    for each in results:
        again = [run.again for run in each.rounds if run.again]
        assert each.inspection is not None, each.title
        rows.append(
            (
                _name(each),
                f"{statistics.median(run.files for run in again) - bare:.0f}",
                each.inspection.left - bare,
                f"{statistics.median(run.fetched for run in again):.0f}",
                f"{(statistics.median(run.zipped for run in again) - alone.rounds[0].first.zipped) / 1000:.1f}",
                Spread.of(
                    [
                        run.again.script - other.first.script
                        for run, other in zip(each.rounds, alone.rounds, strict=True)
                        if run.again
                    ]
                ),
            )
        )
    return "\n\n".join(
        (
            "**The next page, after refusing.** Scripts, styles and data that the page asks for, where it has tags that wait and "
            "where it has none; how many of these are not in the browser's cache; KB that are read again, gzip; ms of scripts.",
            _table(("", "files, tags wait", "files, no tags", "not in the cache", "KB, gzip", "scripts"), rows),
        )
    )


def _name(result: Result) -> str:
    return f"**{result.title}**" if result.title == _OURS else result.title


def _rules(broken: Sequence[str]) -> str:
    return ", ".join(broken) or "none"


def _table(head: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


# What is written


def charts(results: Sequence[Result]) -> Mapping[str, str]:
    """The charts, by the names of their files."""
    return {f"frontend-{name}.svg": bars(title, figures, marked=_OURS, linear=True, digits=digits)
            for name, (title, figures, digits) in _charted(results).items()}  # fmt: skip


def _charted(results: Sequence[Result]) -> Mapping[str, tuple[str, Mapping[str, float], int]]:
    """What is charted: a title, figures, and how many digits of them count."""
    alone = next(each for each in results if each.title == _ALONE)
    others = [each for each in results if each is not alone]
    return {
        "weight": (
            "KB that a first visit loads more, gzip",
            {each.title: added(each, alone, lambda run: run.first.zipped).median / 1000 for each in others},
            1,
        ),
        "usable": (
            "ms from the first paint until refuse works, on a phone",
            {each.title: usable(each).median for each in others},
            0,
        ),
        "scripts": (
            "ms of scripts on a first visit, on a phone",
            {each.title: max(0.0, added(each, alone, lambda run: run.first.script).median) for each in others},
            0,
        ),
    }


def pictures(results: Sequence[Result]) -> str:
    """The charts as the page shows them, in words too."""
    shown = []
    for name, (title, figures, digits) in _charted(results).items():
        told = ", ".join(f"{banner} {figure:,.{digits}f}" for banner, figure in figures.items())
        shown.append(f"![{title}: {told}](frontend-{name}.svg)")
    return "\n\n".join(shown)


def write(docs: Path, results: Sequence[Result], about: str) -> None:
    """Put the figures between the page's markers, and the charts beside it.

    :raises ValueError: if the page has no markers.
    """
    page = docs / "frontend.md"
    text = page.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    old, _, after = rest.partition(END)
    if not rest or len(old) == len(rest):
        raise ValueError(f"{page} has no {BEGIN} … {END}")
    figures = f"{pictures(results)}\n\n{tables(results, about)}"
    page.write_text(f"{before}{BEGIN}\n\n{figures}\n\n{END}{after}", "utf-8")
    for name, svg in charts(results).items():
        (docs / name).write_text(svg, "utf-8")
