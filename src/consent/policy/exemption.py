"""Exemptions: what a law lets run until it is objected to, and what the site's owner must state for it.

A service says by which exemptions it may run, and states each of their conditions::

    [services.matomo.exempt]
    by = ["cnil"]
    alone = true
    …
    cookie_days = 390
    data_months = 25

Nobody but the owner can know whether they are true; what the settings themselves contradict is refused. Which
exemptions count where is said by the :class:`~consent.policy.regime.Regime`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from .policy import NECESSARY, Cookie, Policy, Service
from .reader import Table

__all__ = ["CONDITIONS", "EXEMPTIONS", "Exemption", "check_exemptions", "read_exempt"]

#: What an owner can state, by the setting's name.
CONDITIONS: Mapping[str, str] = MappingProxyType(
    {
        "alone": "it has this one end, and serves the publisher alone",
        "anonymous": "all that comes out of it are anonymous statistics",
        "no_matching": "what it collects is matched with no other data",
        "one_site": "it cannot follow a visitor to another site or app",
        "not_shared": "nothing of it goes to third parties",
        "informed": "visitors are told of it",
        "not_renewed": "a new visit does not prolong the life of its cookies",
        "ip_masked": "addresses are masked, of IPv4 at least the last of four parts",
        "contract": "who runs it is bound by a contract as a processor, and uses nothing of it for ends of their own",
    }
)


@dataclass(frozen=True, slots=True)
class Exemption:
    """One exemption.

    ``conditions``   names of :data:`CONDITIONS`, all of which must be stated.
    ``cookie_days``  the longest life of a cookie, ``data_months`` of what is collected; 0 where no limit is named.
    ``alone``        whether a provider that uses what it collects for ends of its own is out of question.
    """

    name: str
    title: str
    conditions: tuple[str, ...]
    source: str
    cookie_days: int = 0
    data_months: int = 0
    alone: bool = True


_STATISTICS = ("alone", "anonymous", "no_matching", "one_site", "informed", "not_renewed")

EXEMPTIONS: Mapping[str, Exemption] = MappingProxyType(
    {
        exemption.name: exemption
        for exemption in (
            Exemption(
                "cnil",
                "audience measurement (France)",
                _STATISTICS,
                "CNIL, deliberation 2020-091, art. 5, and cnil.fr/fr/node/167364 (4 July 2025)",
                cookie_days=395,
                data_months=25,
            ),
            Exemption(
                "aepd",
                "audience measurement (Spain)",
                (*_STATISTICS, "not_shared"),
                "AEPD, guide on cookies for audience measurement (January 2024)",
                cookie_days=395,
                data_months=25,
            ),
            Exemption(
                "garante",
                "statistics of one site with masked addresses (Italy)",
                ("anonymous", "no_matching", "one_site", "not_shared", "informed", "ip_masked"),
                "Garante, guidelines of 10 June 2021 (doc. web 9677876), 7.2",
            ),
            Exemption(
                "nl-analytics",
                "the quality of a service, with no or little effect on privacy (Netherlands)",
                ("alone", "no_matching", "one_site", "not_shared", "informed", "ip_masked"),
                "Telecommunicatiewet, art. 11.7a(3)(b)",
            ),
            Exemption(
                "uk-statistics",
                "statistics of the use of one's own service, to improve it (United Kingdom)",
                ("alone", "not_shared", "informed"),
                "PECR 2003, Schedule A1, para. 5 (Data (Use and Access) Act 2025, Schedule 12)",
            ),
            Exemption(
                "uk-appearance",
                "how the service looks or works, as the visitor prefers it (United Kingdom)",
                ("alone", "informed"),
                "PECR 2003, Schedule A1, para. 6 (Data (Use and Access) Act 2025, Schedule 12)",
            ),
            Exemption(
                "anpd",
                "audience measurement of the publisher's own (Brazil)",
                ("alone", "anonymous", "no_matching", "informed"),
                "ANPD, guia orientativo Cookies e proteção de dados pessoais (October 2022): legitimate interest",
            ),
            Exemption(
                "us-processor",
                "what a service provider or processor does on the publisher's behalf (United States)",
                ("contract", "no_matching", "informed"),
                "Cal. Civ. Code 1798.140(e), (ag); Colo. Rev. Stat. 6-1-1303(23)(b)(I) and its like",
                alone=False,
            ),
        )
    }
)

#: Of the catalogue, what is known to use what it collects for its provider's own ends, beside whatever serves
#: marketing or sets cookies of its provider's own domain.
_OWN_ENDS = frozenset({"google-analytics", "google-tag-manager", "microsoft-clarity", "yandex-metrica"})


def read_exempt(entry: Table, service: Service, added: Iterable[Cookie]) -> frozenset[str]:
    """The setting ``exempt`` of a service: the names of the exemptions under which it may run.

    ``service``: as the catalogue knows it, with the cookies that the site declares; these are ``added``.

    :raises ConfigurationError: if a condition is not stated, or is contradicted by what is known of the service.
    """
    value = entry.raw("exempt")
    if value is None:
        return frozenset()
    given = Table({"by": value} if isinstance(value, (str, list, tuple)) else value, (*entry.path, "exempt"))
    by = (name,) if isinstance(name := given.raw("by"), str) else given.texts("by")
    stated = {name for name in CONDITIONS if given.flag(name)}
    days = given.number("cookie_days", least=0, most=36_500)
    months = given.number("data_months", least=0, most=1200)
    given.finish()
    if not by:
        given.fail("by", "must name at least one exemption", None, EXEMPTIONS)
    for name in by:
        if name not in EXEMPTIONS:
            given.fail("by", "unknown exemption", name, EXEMPTIONS)
        exemption = EXEMPTIONS[name]
        missing = [f"{each} = true ({CONDITIONS[each]})" for each in exemption.conditions if each not in stated]
        missing += _limits(exemption, days, months)
        if missing:
            entry.fail("exempt", f"the exemption {name!r} needs {', '.join(missing)}; see {exemption.source}")
        own = exemption.alone and _own_ends(service)
        if own:
            entry.fail("exempt", f"the exemption {name!r} is for the publisher alone, and {own}", name)
        for cookie in added:
            if exemption.cookie_days and (cookie.days or 0) > exemption.cookie_days:
                entry.fail(
                    "cookies", f"the exemption {name!r} lets cookies live {exemption.cookie_days} days", cookie.name
                )
    return frozenset(by)


def _limits(exemption: Exemption, days: float | None, months: float | None) -> Iterable[str]:
    if exemption.cookie_days and (days is None or days > exemption.cookie_days):
        yield f"cookie_days of at most {exemption.cookie_days} (how long its cookies live)"
    if exemption.data_months and (months is None or months > exemption.data_months):
        yield f"data_months of at most {exemption.data_months} (how long what it collects is kept)"


def _own_ends(service: Service) -> str:
    """What says that somebody else has an end of their own in it; "" for nothing."""
    for cookie in service.cookies:
        if cookie.third_party:
            return f"its cookie {cookie.name!r} is set by the provider's own domain, on whatever site"
    if service.name in _OWN_ENDS or "marketing" in service.purposes:
        return f"{service.provider or service.title} uses what {service.title} collects for ends of its own"
    return ""


def check_exemptions(table: Table, policy: Policy) -> None:
    """The purpose is what visitors choose by: what is exempt has one of its own.

    :raises ConfigurationError: if a purpose has both, or is one that no exemption can be for.
    """
    for service in policy.services:
        if not service.exempt:
            continue
        entry = Table({}, (*table.path, "services", service.name))
        if len(service.purposes) != 1:
            entry.fail("purposes", "a service that is exempt has one purpose", ", ".join(service.purposes))
        [purpose] = service.purposes
        if purpose == NECESSARY:
            entry.fail("exempt", "what is necessary needs no exemption", min(service.exempt))
        if policy.purpose(purpose).sensitive:
            entry.fail("exempt", f"nothing exempts the sensitive purpose {purpose!r}", min(service.exempt))
        for other in policy.services_for(purpose):
            if not other.exempt:
                entry.fail(
                    "purposes",
                    f"{purpose!r} is also what {other.name!r} is for, which is not exempt: give one of the two a "
                    "purpose of its own, since visitors choose by purpose",
                    purpose,
                )
