"""Makes docs/regimes.md of the presets, and docs/compliance.md of tests/compliance.toml.

    python tools/law.py

A test says when one of them is not what would be made.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from consent.policy.exemption import CONDITIONS, EXEMPTIONS, Exemption
from consent.policy.regime import PRESETS, REGIONS, Regime
from consent.policy.sources import CONFIDENCE, SOURCES

__all__ = ["ROOT", "compliance", "pages", "read", "regimes"]

ROOT = Path(__file__).parent.parent
_MODELS = {"opt-in": "nothing runs", "opt-out": "all runs, and is asked", "notice": "all runs, and is told"}
_SURE = {
    "official": "official text, in excerpts",
    "secondary": "secondary sources",
    "unverified": "not checked against its source",
}


def read() -> Mapping[str, Any]:
    """The requirements, as they stand in tests/compliance.toml."""
    return tomllib.loads((ROOT / "tests" / "compliance.toml").read_text("utf-8"))


# Compliance

_COMPLIANCE = """# Compliance

What laws and standards ask of a site's cookies, what `consent` does about each, which test shows it, and what is
left to the site's owner. It is written for whoever answers for the site: a data protection officer, a lawyer, an
auditor.

**This is no legal advice.** It was put together by engineers in November 2026, mostly from secondary sources, and
says of each entry how sure it is. Law changes, and differs by what your site does: have a lawyer look at yours.

<!-- Made by `make compliance` of tests/compliance.toml: change that. -->

Of {all} requirements, {shown} are shown by tests that run with every change, and {left} are not offered or ask
nothing of a site. A test's link leads to its code; its name is its claim. Which law counts for which visitor is in
[Regimes](regimes.md).
"""


def compliance(requirements: Mapping[str, Any]) -> str:
    """The text of docs/compliance.md."""
    every = [each for group in requirements["group"] for each in group["requirement"]]
    shown = sum("tests" in each for each in every)
    parts = [_COMPLIANCE.format(all=len(every), shown=shown, left=len(every) - shown)]
    for group in requirements["group"]:
        parts.append(f"## {group['title']}\n")
        parts += [_entry(each) for each in group["requirement"]]
    return "\n".join(parts)


def _entry(each: Mapping[str, Any]) -> str:
    sure = _SURE[each["confidence"]]
    lines = [f"### {each['id']}\n", f"{each['asks']} *({'; '.join(each['sources'])}. Read in: {sure}.)*\n"]
    if "tests" in each:
        lines += [f"- **What consent does.** {each['does']}", f"- **Shown by** {', '.join(map(_link, each['tests']))}."]
    else:
        lines.append(f"- **What consent does.** {each['not_offered']}")
    if "owner" in each:
        lines.append(f"- **What is yours.** {each['owner']}")
    return "\n".join(lines) + "\n"


def _link(test: str) -> str:
    path, _, name = test.partition("::")
    return f"[{name.removeprefix('test_').replace('_', ' ')}](../{path})"


# Regimes

_REGIMES = """# Regimes

Which law counts for a visitor, what it lets run before an answer, how long an answer holds, and where that is said.
The setting [`regime`](settings.md#regime) names one for all visitors; [`region`](settings.md#region) finds each
visitor's.

**This is no legal advice.** It is a summary by engineers, made in November 2026, and each entry says how sure it
is.

<!-- Made by `make compliance` of src/consent/policy/: change regime.py, sources.py, exemption.py. -->

"""

_AFTER_TABLE = """
*Holds*: calendar months after which everybody is asked again, yes and no alike; no sooner, unless the
[policy](settings.md#policy) changes or the visitor moves to a stricter law. *At least*: months for which the sources
want nobody asked again. *At most*: months after which they let an agreement run out. A dash: no figure was found.
Browsers keep no cookie beyond 400 days, whatever a law allows.

Of what runs until it is refused, by the law's model or because it is exempt, nothing that was refused runs again
because the months are over: the visitor is asked, and the cookie is kept for longer with each page, as it is.
"""

_REGIONS = """## Which region has which regime

A region is an ISO 3166 code, a country's or a subdivision's: `FR`, `US-CA`. A subdivision goes before its country.
`US` alone may be California and `CA` alone may be Québec, so these count; whatever else is not in this table is
`strict`. The codes of states are those of countries too: `MT` is Malta, `US-MT` Montana.

"""

_EXEMPTIONS = """## Exemptions

What some laws let run until it is objected to, where the site's owner [states each condition](settings.md#services):
nobody else can know whether it is true. A purpose is exempt where all its services are; its box in the settings is
ticked, unticking it is an objection, and refusing on the banner or by a binding signal is one too. The log keeps
objections; of what is exempt and left alone it says nothing, since nobody agreed to it.

"""


def regimes() -> str:
    """The text of docs/regimes.md."""
    head = ["preset", "before an answer", "holds", "at least", "at most", "binding signal", "exemptions"]
    table = _table(head, map(_row, PRESETS.values()))
    each = "\n".join(_about(name) for name in PRESETS)
    by_preset = {name: [code for code, preset in REGIONS.items() if preset == name] for name in PRESETS}
    regions = ([f"`{name}`", ", ".join(f"`{code}`" for code in codes)] for name, codes in by_preset.items() if codes)
    return "".join(
        [
            _REGIMES,
            table,
            _AFTER_TABLE,
            "\n## Where each comes from\n\n",
            each,
            "\n",
            _REGIONS,
            _table(["regime", "regions"], regions),
            "\n",
            _EXEMPTIONS,
            "\n".join(map(_exemption, EXEMPTIONS.values())),
        ]
    )


def _row(regime: Regime) -> list[str]:
    basis = SOURCES[regime.name]
    return [
        f"`{regime.name}`",
        _MODELS[regime.model],
        str(regime.months),
        str(basis.again or "–"),
        str(basis.valid or "–"),
        "GPC" if "gpc" in regime.signals else "",
        ", ".join(f"`{name}`" for name in sorted(regime.exemptions)),
    ]


def _about(name: str) -> str:
    basis = SOURCES[name]
    lines = [f"### `{name}`\n", f"{basis.where[0].upper()}{basis.where[1:]}. {basis.note}".rstrip() + "\n"]
    lines += [f"- {source}" for source in basis.sources]
    return "\n".join([*lines, f"- *How sure: {CONFIDENCE[basis.confidence]}.*"]) + "\n"


def _exemption(exemption: Exemption) -> str:
    lines = [f"### `{exemption.name}`\n", f"{exemption.title[0].upper()}{exemption.title[1:]}. {exemption.source}.\n"]
    lines += [f"- `{name}`: {CONDITIONS[name]}" for name in exemption.conditions]
    if exemption.cookie_days:
        lines.append(f"- `cookie_days`: its cookies live at most {exemption.cookie_days} days")
    if exemption.data_months:
        lines.append(f"- `data_months`: what it collects is kept at most {exemption.data_months} months")
    if exemption.alone:
        lines.append("- never for a provider that is known to use what it collects for ends of its own")
    return "\n".join(lines) + "\n"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    titles = [*head]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (titles, ["---"] * len(titles), *rows))


def pages() -> Mapping[Path, str]:
    """Each page that is made, with its text."""
    return {ROOT / "docs" / "compliance.md": compliance(read()), ROOT / "docs" / "regimes.md": regimes()}


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, "utf-8")
