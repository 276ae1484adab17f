"""Cookies and loading headers of held services: what does not leave, and what is ended.

Sources: RFC 6265bis (5.5 attributes, 5.7 storage), RFC 8288 (Link), RFC 9110 (5.6.4, quoted strings), HTML Standard
4.2.5.3 (refresh), W3C Reporting API 2018 (3.2, Report-To), W3C Network Error Logging (5.1, NEL), W3C Clear Site Data.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from .address import addresses_in, refresh_addresses
from .csp import without_reports
from .imports import undone
from .match import Rules

__all__ = ["FORGET", "expire", "hold_links", "hold_set_cookies"]

Headers = list[tuple[str, str]]

#: What ends a browser's standing order to report, to whomever it is: it outlives the page that gave it.
_NO_REPORT_TO, _NO_NEL = '{"group":"ended","max_age":0,"endpoints":[]}', '{"max_age":0}'
#: What goes with a decision that takes something away. Browsers keep pages that they fetched or made ahead, with all
#: that was allowed then, and show them for a link. The site's own orders to report come back with its next page.
FORGET: Headers = [
    ("Clear-Site-Data", '"prefetchCache", "prerenderCache"'),
    ("Report-To", _NO_REPORT_TO),
    ("NEL", _NO_NEL),
]

#: Characters of a cookie's name (RFC 9110 token); a name with others cannot be named in a Set-Cookie safely.
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
#: What stands between the quotes of a quoted string, and a character that is quoted in it.
_STRING = r"[^\"\\]*(?:\\.[^\"\\]*)*"
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
#: A member of Link and each of its parameters. No two ways to match the same, none back over spaces: hence linear.
#: Some browsers take single quotes for quotes: what is within them is what they could be around, too.
_TARGET = re.compile(r"\s*(?:<([^<>\"]*)>|(?=,|\Z))")
_PARAMETER = re.compile(
    r"\s*+;(?:\s*+([^\s\"'<>,;=\\]++)"
    rf"(?:\s*+=\s*+(?:\"({_STRING})\"|'([^\"'<>,;\\]*)'|([^\s\"'<>,;\\][^\s\"<>,;\\]*+)?))?)?(?=\s*+(?:[;,]|\Z))",
    re.DOTALL,
)
_MEMBER_END = re.compile(r"\s*(?:,|\Z)")
#: Where an address may begin in what is no Link.
_ANGLE = re.compile(r"<([^<>]*)")
_LOADS = re.compile(
    r"\b(?:stylesheet|preload|prefetch|preconnect|dns-prefetch|modulepreload|icon|manifest|prerender"
    r"|compression-dictionary)\b",
    re.IGNORECASE,
)
_SPACES_AND_COMMAS = re.compile(r"[\s,]+")
#: A string of JSON or of a structured field (RFC 9651), closed or not.
_QUOTED = re.compile(r"\"([^\"\\]*(?:\\.?[^\"\\]*)*)\"?", re.DOTALL)
#: Headers whose strings are addresses for a browser to ask.
_NAMING = frozenset(
    {"speculation-rules", "reporting-endpoints", "attribution-reporting-redirect"}
    | {"attribution-reporting-register-os-source", "attribution-reporting-register-os-trigger"}
)
_DOMAIN = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\Z")
#: Who has more labels in a host's name, or more cookies, is no visitor.
_LABELS = 8
_NAMES_READ = 200
#: Bytes of header. Proxies in front of sites often take 4 KiB for all of a response's headers.
_ROOM = 2048


def hold_set_cookies(
    rules: Rules, allowed: frozenset[str], headers: Headers, *, now: float
) -> tuple[Headers, tuple[str, ...]]:
    """The headers without the cookies of services that may not run, and the names of those cookies.

    A deletion always leaves: it takes something off the visitor's device.
    """
    kept: Headers = []
    held: list[str] = []
    for key, value in headers:
        if key.lower() == "set-cookie":
            name = _name(value)
            if rules.held(rules.services_for_cookie(name), allowed) and not _deletes(value, now):
                held.append(name)
                continue
        kept.append((key, value))
    return kept, tuple(held)


def _deletes(cookie: str, now: float) -> bool:
    """Whether a Set-Cookie value ends a cookie in every browser.

    ``Max-Age`` goes before ``Expires``. Of several the last counts; where it is not valid, the one before it for some
    browsers, and none for others.
    """
    sure = by_date = False
    by_age: bool | None = None
    for attribute in cookie.split(";")[1:]:
        name, _, value = (part.strip(" \t") for part in attribute.partition("="))
        short = len(value) <= _LONGEST
        match name.lower():
            case "max-age":
                sure = short and _MAX_AGE.fullmatch(value) is not None
                if sure:
                    by_age = value.startswith("-") or not value.strip("0")
            case "expires":
                moment = _cookie_date(value) if short else None
                by_date = moment is not None and moment <= now
    return bool(by_age) if sure else by_date and by_age is not False


def _name(cookie: str) -> str:
    """The name under which a cookie comes back: ``=a=b`` has none, and is sent as ``a=b``."""
    return cookie.partition(";")[0].strip(" \t").removeprefix("=").partition("=")[0].strip(" \t")


_MAX_AGE = re.compile(r"-?[0-9]+")
#: Bytes of an attribute's value; a longer one does not count (RFC 6265bis, 5.6).
_LONGEST = 1024
_DATE_TOKEN = re.compile(r"[^\t -/;-@\[-`{-~]+")
_DATE_TIME = re.compile(r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[^0-9]|\Z)")
_DATE_NUMBER = re.compile(r"([0-9]{1,4})(?:[^0-9]|\Z)")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def _cookie_date(text: str) -> float | None:
    """The Unix time that browsers read in an ``Expires`` attribute, or None (RFC 6265bis, 5.1.1).

    >>> [_cookie_date(text) for text in ("Thu, 01 Jan 1970 00:00:10 GMT", "Thu, 1-Jan-70 0:0:10", "yesterday")]
    [10.0, 10.0, None]
    """
    time = day = month = year = None
    for token in _DATE_TOKEN.findall(text):
        number = _DATE_NUMBER.match(token)
        digits = len(number.group(1)) if number else 0
        if time is None and (clock := _DATE_TIME.match(token)):
            time = (int(clock[1]), int(clock[2]), int(clock[3]))
        elif day is None and number and digits <= 2:
            day = int(number.group(1))
        elif month is None and token[:3].lower() in _MONTHS:
            month = _MONTHS.index(token[:3].lower()) + 1
        elif year is None and number and digits >= 2:
            year = int(number.group(1))
            year += 1900 if 70 <= year <= 99 else 2000 if year <= 69 else 0
    if time is None or day is None or month is None or year is None or year < 1601:
        return None
    try:
        return datetime(year, month, day, time[0], time[1], time[2], tzinfo=UTC).timestamp()
    except ValueError:
        return None


def expire(rules: Rules, allowed: frozenset[str], cookie_header: str, hostname: str, *, secure: bool) -> list[str]:
    """``Set-Cookie`` values that end every known cookie in a request that is not allowed.

    A browser does not say where a cookie was set, so each is ended on the host and on every domain above it; on
    HTTPS also in the partition of this site (CHIPS). A response has room for so many: the others are ended by the next.
    """
    names = {pair.partition("=")[0].strip(" \t") for pair in cookie_header.split(";", _NAMES_READ)[:_NAMES_READ]}
    domains = _domains(hostname)
    scheme = "; Secure" if secure else ""
    ended: list[str] = []
    room = _ROOM
    for name in sorted(names):
        if not _TOKEN.match(name) or not rules.held(rules.services_for_cookie(name), allowed):
            continue
        values = [f"{name}=; Max-Age=0; Path=/{scheme}"]
        values += [f"{name}=; Max-Age=0; Path=/; Domain={domain}{scheme}" for domain in domains]
        if secure:
            values.append(f"{name}=; Max-Age=0; Path=/; Secure; SameSite=None; Partitioned")
        room -= sum(map(len, values)) + len(values) * len("Set-Cookie: \r\n")
        if room < 0:
            break
        ended += values
    return ended


@lru_cache(maxsize=256)
def _domains(hostname: str) -> tuple[str, ...]:
    """The host and the domains above it on which it could have set a cookie; a browser refuses public suffixes."""
    labels = hostname.split(".")
    if len(hostname) > 253 or len(labels) > _LABELS or labels[-1].isdigit() or not _DOMAIN.match(hostname):
        return ()
    return tuple(".".join(labels[at:]) for at in range(len(labels) - 1))


def hold_links(rules: Rules, allowed: frozenset[str], headers: Headers, *, site: str) -> Headers:
    """The headers less what would load from a held service, lead to one or report to one.

    That is members of ``Link``, a ``Refresh``, speculation rules, alternative services, what attribution is told to,
    reporting endpoints, and where a Content Security Policy reports to. Orders to report that browsers keep are ended.
    """

    def is_held(url: str) -> bool:
        return bool(rules.held(rules.services_for_url(url, site), allowed))

    def names_held(value: str, before: str = "") -> bool:
        return any(is_held(before + undone(each)) for each in _QUOTED.findall(value))

    kept: Headers = []
    unreported = any(key.lower() == "report-to" and names_held(value) for key, value in headers)
    for key, value in headers:
        match key.lower():
            case "link":
                links = _links(value)
                members = [link.text for link in links if not any(map(is_held, link.loads))]
                if len(members) == len(links) or any(map(str.strip, members)):
                    kept.append((key, ",".join(members)))
            case "report-to" if names_held(value):
                kept.append((key, _NO_REPORT_TO))
            case "nel" if unreported:
                kept.append((key, _NO_NEL))
            case "alt-svc" if names_held(value, "//"):
                pass
            case name if name in _NAMING and names_held(value):
                pass
            case "refresh" if any(map(is_held, refresh_addresses(value))):
                pass
            case "content-security-policy" | "content-security-policy-report-only":
                kept.append((key, without_reports(value, is_held)))
            case _:
                kept.append((key, value))
    return kept


class _Link(NamedTuple):
    """A member of a Link header as it is written, and the addresses that it may have a browser load."""

    text: str
    loads: list[str]


def _links(value: str) -> list[_Link]:
    """The members of a Link header.

    What cannot be read is one member together with all that follows it, which may load whatever is in it.
    """
    links: list[_Link] = []
    start = 0
    while start <= len(value):
        target = _TARGET.match(value, start)
        at = target.end() if target is not None else start
        parameters: list[tuple[str, str]] = []
        while target is not None and (found := _PARAMETER.match(value, at)) is not None:
            at = found.end()
            name, string, single, token = found.groups("")
            parameters.append((name.lower(), _QUOTED_PAIR.sub(r"\1", string) or single or token))
        end = _MEMBER_END.match(value, at)
        if target is None or end is None:
            rest = value[start:]
            plain = _QUOTED_PAIR.sub(r"\1", rest)
            return [*links, _Link(rest, [*_ANGLE.findall(rest), *addresses_in(rest), *addresses_in(plain)])]
        text = value[start : end.end()]
        links.append(_Link(text.removesuffix(","), _loads(target.group(1) or "", parameters)))
        start = end.end() if text.endswith(",") else len(value) + 1
    return links


def _loads(target: str, parameters: list[tuple[str, str]]) -> list[str]:
    """What a link's target and parameters may have a browser load."""
    if not any(name == "rel" and _LOADS.search(words) for name, words in parameters):
        return []
    images = [url for name, words in parameters if name == "imagesrcset" for url in _SPACES_AND_COMMAS.split(words)]
    return [target, *images, *addresses_in("\n".join(words for _, words in parameters))]
