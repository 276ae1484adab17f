"""Where each preset comes from, and how sure that is: what ``docs/regimes.md`` shows to whoever answers for a site.

Read by people and by the documentation; nothing that serves a visitor asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

__all__ = ["CONFIDENCE", "SOURCES", "Basis", "Confidence"]

Confidence = Literal["official", "secondary", "design"]

CONFIDENCE: Mapping[Confidence, str] = MappingProxyType(
    {
        "official": "read in the official text, in excerpts",
        "secondary": "read in what lawyers and others write about the official text",
        "design": "our own choice, on the safe side",
    }
)


@dataclass(frozen=True, slots=True)
class Basis:
    """What a preset rests on.

    ``where``       the places, in words.
    ``valid``       calendar months after which an agreement has run out, by the law or its regulator; None where no
                    figure was found.
    ``again``       calendar months before which nobody is asked again who answered; likewise. The preset's own months
                    lie between the two: yes and no hold alike. A new policy asks at once.
    ``note``        what the preset cannot do by itself, and what was decided where the sources leave it open.
    """

    where: str
    sources: tuple[str, ...]
    confidence: Confidence
    valid: int | None = None
    again: int | None = None
    note: str = ""


_DIRECTIVE = "ePrivacy Directive 2002/58/EC, art. 5(3); GDPR, art. 4(11) and 7"
_DEFAULT = "No figure for how long an answer holds was found; the months are ours."

SOURCES: Mapping[str, Basis] = MappingProxyType(
    {
        "strict": Basis(
            "wherever it is not known where the visitor is",
            ("the strictest of all presets",),
            "design",
            6,
            6,
            "The signal is heard too, although nothing obliges to.",
        ),
        "opt-in": Basis("wherever a site says so", ("a bare model",), "design"),
        "opt-out": Basis("wherever a site says so", ("a bare model",), "design"),
        "notice": Basis("wherever a site says so", ("a bare model",), "design"),
        "eu": Basis(
            "the members of the EU and the EEA that have no preset of their own, Austria and Belgium among them",
            (
                _DIRECTIVE,
                "CJEU C-673/17 (Planet49)",
                "EDPB, report of the cookie banner taskforce (January 2023); guidelines 05/2020 and 2/2023",
            ),
            "secondary",
            6,
            6,
            "Where a regulator allows more than six months, six are fewer than needed and never wrong. The signal is "
            "heard as a refusal, although nothing obliges to.",
        ),
        "fr": Basis(
            "France and its outermost regions",
            (_DIRECTIVE, "CNIL, deliberations 2020-091 and 2020-092", "cnil.fr/fr/node/167364 (4 July 2025)"),
            "secondary",
            6,
            6,
            "Six months are the CNIL's good practice. Measuring of the publisher's own can be exempt: `cnil`.",
        ),
        "ie": Basis(
            "Ireland",
            (_DIRECTIVE, "DPC, guidance note on cookies (April 2020)"),
            "secondary",
            6,
            6,
        ),
        "de": Basis(
            "Germany",
            (_DIRECTIVE, "TDDDG, s. 25", "DSK, Orientierungshilfe für Anbieter digitaler Dienste", "EinwV, s. 18, 19"),
            "secondary",
            None,
            6,
            "Twelve months are ours. Services recognised under the EinwV need not be integrated (s. 18(1)), and are "
            "not.",
        ),
        "it": Basis(
            "Italy",
            (_DIRECTIVE, "Garante, guidelines of 10 June 2021 (doc. web 9677876)"),
            "secondary",
            None,
            6,
            "Twelve months are ours; the Garante lets nobody be asked again before six. A banner needs its X: see "
            "`close_button`. Masked statistics of one site can be exempt: `garante`.",
        ),
        "es": Basis(
            "Spain",
            (
                _DIRECTIVE,
                "AEPD, guide on the use of cookies, 3.2.8",
                "AEPD, guide on audience measurement (January 2024)",
            ),
            "secondary",
            24,
            6,
            "Thirteen months, since browsers keep no cookie beyond 400 days. Measuring can be exempt: `aepd`.",
        ),
        "nl": Basis(
            "the Netherlands",
            (_DIRECTIVE, "Telecommunicatiewet, art. 11.7a", "Kamerstukken II 33 902, nr. 3 (explanatory memorandum)"),
            "official",
            None,
            None,
            f"{_DEFAULT} What measures the quality of a service, with no or little effect on privacy, can be exempt: "
            "`nl-analytics`. Its conditions here are stricter than the law's words.",
        ),
        "uk": Basis(
            "the United Kingdom",
            (
                "PECR 2003, reg. 6 and Schedule A1 (Data (Use and Access) Act 2025, Schedule 12)",
                "ICO, guidance on storage and access technologies (29 April 2026)",
            ),
            "secondary",
            None,
            None,
            f"{_DEFAULT} Statistics of one's own service and its appearance can be exempt: `uk-statistics`, "
            "`uk-appearance`.",
        ),
        "ch": Basis(
            "Switzerland",
            ("FMG (Telecommunications Act), art. 45c", "FDPIC, guide on cookies (22 January and 6 October 2025)"),
            "secondary",
            12,
            6,
            "Sensitive data and profiling of high risk need an agreement: mark such a purpose `sensitive`.",
        ),
        "us-ca": Basis(
            "California, and the United States where the state is not known",
            (
                "Cal. Civ. Code 1798.120, 1798.121, 1798.135",
                "11 CCR 7004, 7025, 7026",
            ),
            "secondary",
            None,
            12,
            "The signal binds, and the page says that it was honoured. Nobody who opted out is asked for twelve "
            "months.",
        ),
        "us-uoom": Basis(
            "the other states where a universal opt-out mechanism binds: Colorado, Connecticut, Delaware, Maryland, "
            "Minnesota, Montana, Nebraska, New Hampshire, New Jersey, Oregon, Texas",
            (
                "Colo. Rev. Stat. 6-1-1306 and 1308(7)",
                "4 CCR 904-3, rule 5",
                "Conn. Gen. Stat. 42-520",
                "and their like",
            ),
            "secondary",
            None,
            12,
            "Sensitive data needs an agreement: mark such a purpose `sensitive`.",
        ),
        "us-other": Basis(
            "the other states of the United States",
            ("state laws where there are any; FTC Act, s. 5",),
            "secondary",
            None,
            12,
            "Visitors are told, and can opt out; the signal is heard, although nothing obliges to.",
        ),
        "ca": Basis(
            "Canada but Québec, where the province is known",
            (
                "PIPEDA, Schedule 1, 4.3",
                "OPC, guidelines on privacy and online behavioural advertising (December 2011, revised 13 August 2021)",
            ),
            "official",
            None,
            None,
            f"{_DEFAULT} Opting out is enough where visitors are told at or before the time, in words that are not "
            "buried, and nothing is sensitive: mark such a purpose `sensitive`. Where the province is not known it "
            "may be Québec.",
        ),
        "ca-qc": Basis(
            "Québec, and Canada where the province is not known",
            ("Act respecting the protection of personal information in the private sector, CQLR P-39.1, s. 8.1",),
            "secondary",
            None,
            6,
            "What identifies, locates or profiles is off until it is switched on.",
        ),
        "br": Basis(
            "Brazil",
            ("LGPD, art. 7 and 8", "ANPD, guia orientativo Cookies e proteção de dados pessoais (October 2022)"),
            "secondary",
            None,
            6,
            "The guide does not bind. Measuring of the publisher's own can rest on legitimate interest: `anpd`.",
        ),
        "in": Basis(
            "India",
            (
                "Digital Personal Data Protection Act 2023, s. 4 to 6",
                "Digital Personal Data Protection Rules 2025, rule 3 (notified 13 November 2025)",
            ),
            "secondary",
            None,
            None,
            f"{_DEFAULT} Consent is free, specific, itemised in the notice, and as easily withdrawn; most duties "
            "begin in May 2027, eighteen months after the rules. The notice must be on offer in the languages of the "
            "Eighth Schedule, and name how to complain to the Board: that is the privacy page's.",
        ),
        "jp": Basis(
            "Japan",
            (
                "Telecommunications Business Act, art. 27-12 (external transmission, in force 16 June 2023)",
                "APPI, art. 31 (personally referable information)",
            ),
            "secondary",
            None,
            None,
            f"{_DEFAULT} Visitors are told what is sent to whom and for what, and can stop it. Where the recipient "
            "will tie it to a person it needs an agreement: mark such a purpose `sensitive`.",
        ),
        "kr": Basis(
            "South Korea",
            (
                "PIPA, art. 15, 22 and 30(1)(7)",
                "KCC, guidelines on online customised advertising (February 2017); PIPC, policy of 31 January 2024",
            ),
            "secondary",
            None,
            None,
            f"{_DEFAULT} The guidelines let behaviour that identifies nobody be used until it is objected to; what "
            "identifies needs an agreement. Which of the two a service does cannot be seen from here, so all are "
            "asked about: a site that knows better writes a regime of its own.",
        ),
        "za": Basis(
            "South Africa",
            ("POPIA (Act 4 of 2013), s. 11, 18 and 69",),
            "secondary",
            None,
            None,
            f"{_DEFAULT} No rule is about cookies; legitimate interest may do for some, but not for direct marketing "
            "to strangers (s. 69). Asking is the safe reading.",
        ),
    }
)
