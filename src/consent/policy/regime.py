"""What the law where the visitor is asks for.

The presets are a summary for engineers, made in November 2026, and no legal advice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Literal

from .policy import Policy

__all__ = ["MODELS", "PRESETS", "STRICT", "Model", "Regime", "add_months", "regime_for_region"]

Model = Literal["opt-in", "opt-out", "notice"]
#: From the most permissive to the strictest: moving right means asking again.
MODELS: tuple[Model, ...] = ("notice", "opt-out", "opt-in")


@dataclass(frozen=True, slots=True)
class Regime:
    """One set of rules.

    ``model``    ``opt-in``: nothing before agreement. ``opt-out``: allowed until refused, and asked.
                 ``notice``: allowed until refused, and told.
    ``months``   calendar months for which an answer holds, accepted or refused alike.
    ``signals``  the browser signals that count as a refusal here (``"gpc"``).
    ``privacy_choices``  the law wants a link "Your Privacy Choices" on every page (11 CCR 7026).
    ``exemptions``  names of :data:`~consent.policy.exemption.EXEMPTIONS` that count here.
    """

    name: str
    model: Model
    months: int
    signals: frozenset[str] = frozenset()
    privacy_choices: bool = False
    exemptions: frozenset[str] = frozenset()

    def stricter_than(self, model: str) -> bool:
        """Whether this regime asks for more than one of that model did."""
        return MODELS.index(self.model) > (MODELS.index(model) if model in MODELS else -1)

    def exempt(self, policy: Policy) -> frozenset[str]:
        """The purposes that run here until they are objected to, because exemptions cover all their services."""
        return policy.exempt(self.exemptions)

    def unrefused(self, policy: Policy) -> frozenset[str]:
        """The optional purposes that are allowed here as long as they are not refused."""
        if self.model == "opt-in":
            return self.exempt(policy)
        return frozenset(policy.optional) - policy.sensitive

    def asked(self, policy: Policy) -> frozenset[str]:
        """The purposes that visitors are asked about here, or told that they may refuse.

        Where the law lets things run until they are refused, what is sensitive does not run, and is not spoken of: it
        is agreed to in the settings.
        """
        silent = policy.sensitive if self.model != "opt-in" else frozenset[str]()
        return frozenset(policy.optional) - self.exempt(policy) - silent


_GPC = frozenset({"gpc"})
_US = frozenset({"us-processor"})

STRICT = Regime("strict", "opt-in", 6, _GPC)

#: Where each comes from is said in :mod:`consent.policy.sources`.
PRESETS: Mapping[str, Regime] = MappingProxyType(
    {
        regime.name: regime
        for regime in (
            STRICT,
            # The bare models, for a site that names its law itself.
            Regime("opt-in", "opt-in", 6),
            Regime("opt-out", "opt-out", 12, _GPC),
            Regime("notice", "notice", 12, _GPC),
            # Europe
            Regime("eu", "opt-in", 6, _GPC),
            Regime("fr", "opt-in", 6, exemptions=frozenset({"cnil"})),
            Regime("ie", "opt-in", 6),
            Regime("de", "opt-in", 12),
            Regime("it", "opt-in", 12, exemptions=frozenset({"garante"})),
            Regime("es", "opt-in", 13, exemptions=frozenset({"aepd"})),
            Regime("nl", "opt-in", 6, exemptions=frozenset({"nl-analytics"})),
            Regime("uk", "opt-in", 12, exemptions=frozenset({"uk-statistics", "uk-appearance"})),
            Regime("ch", "opt-out", 12),
            # The Americas
            Regime("us-ca", "opt-out", 12, _GPC, privacy_choices=True, exemptions=_US),
            Regime("us-uoom", "opt-out", 12, _GPC, exemptions=_US),
            Regime("us-other", "notice", 12, _GPC, exemptions=_US),
            Regime("ca", "opt-out", 12),
            Regime("ca-qc", "opt-in", 6),
            Regime("br", "opt-in", 6, exemptions=frozenset({"anpd"})),
            # Asia and Africa
            Regime("in", "opt-in", 12),
            Regime("jp", "notice", 12),
            Regime("kr", "opt-in", 12),
            Regime("za", "opt-in", 12),
        )
    }
)

#: The states whose law makes a universal opt-out mechanism binding.
_UOOM = ("CO", "CT", "DE", "MD", "MN", "MT", "NE", "NH", "NJ", "OR", "TX")
#: EU and EEA members without a preset of their own, and Åland.
_EU = (
    "AT", "AX", "BE", "BG", "CY", "CZ", "DK", "EE", "FI", "GR", "HR", "HU", "IS", "LI",
    "LT", "LU", "LV", "MT", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
)  # fmt: skip
#: The parts of France that have codes of their own and are in the Union (TFEU, art. 349).
_FR = ("FR", "GF", "GP", "MF", "MQ", "RE", "YT")
#: The provinces and territories where the federal law, or one like it, asks for no more than that one can opt out.
_CA = ("AB", "BC", "MB", "NB", "NL", "NS", "NT", "NU", "ON", "PE", "SK", "YT")

#: ISO 3166 code -> preset; a subdivision (US-CA) is looked up before its country (US). Codes of states are those of
#: countries too: MT is Malta, US-MT Montana.
REGIONS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(_EU, "eu"),
        **dict.fromkeys(_FR, "fr"),
        "IE": "ie", "DE": "de", "IT": "it", "ES": "es", "NL": "nl", "GB": "uk", "CH": "ch",
        "US": "us-other", "US-CA": "us-ca", "CA": "ca-qc", "BR": "br", "IN": "in", "JP": "jp", "KR": "kr", "ZA": "za",
        **{f"US-{state}": "us-uoom" for state in _UOOM},
        **{f"CA-{province}": "ca" for province in _CA},
    }
)  # fmt: skip


def regime_for_region(region: str | None) -> Regime:
    """The preset for an ISO 3166 code such as ``FR`` or ``US-CA``; ``strict`` for any other text.

    ``US`` without a state that can be read is treated as ``us-ca``: it may be California, and the stricter reading
    is safe. So is ``CA`` without a province: it may be Québec.
    """
    code = (region or "").strip().upper().replace("_", "-")
    country, _, part = code.partition("-")
    if country == "US" and not re.fullmatch(r"[A-Z]{2}", part):
        return PRESETS["us-ca"]
    name = REGIONS.get(code) or REGIONS.get(country)
    return PRESETS[name] if name else STRICT


@lru_cache(maxsize=4096)
def add_months(seconds: int, months: int) -> int:
    """The Unix time ``months`` calendar months later; the 31st becomes the last day of a shorter month."""
    start = datetime.fromtimestamp(seconds, UTC)
    years, month = divmod(start.month - 1 + months, 12)
    for day in range(start.day, start.day - 4, -1):
        try:
            return int(start.replace(year=start.year + years, month=month + 1, day=day).timestamp())
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")
