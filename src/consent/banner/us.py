"""What advertisers' scripts are told of a visitor in the United States, through IAB's Global Privacy Platform.

The section ``usnat`` says for each of sale, sharing and targeted advertising whether there was notice, and whether the
visitor opted out, by what is allowed now: that is the one place that says yes. Of sensitive data and of children it
says "not applicable": this library knows nothing of either.

``static/gpp.js`` answers in the page. It is told by the calls that :mod:`consent.banner.vendors` describes, before any
tag, of each choice, and late in a page that is the same for everybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from markupsafe import Markup

from ..policy.gpp import Gpp, in_us
from ..visitor.decision import Visitor
from .gpp import USNAT, Fields, format_gpp, format_usnat, parse_gpp, parse_usnat
from .look import asset
from .vendors import Call

__all__ = ["LOADING", "gpp_script", "gpp_string", "gpp_told"]

_NOT_APPLICABLE, _YES, _NO = 0, 1, 2
_OPTED_OUT, _NOT_OPTED_OUT = 1, 2
#: One who makes strings and is registered nowhere ("What is CMP ID?").
_UNREGISTERED = 1
_NO_SECTION = -1


def gpp_string(gpp: Gpp | None, visitor: Visitor) -> str | None:
    """What is said of a visitor; None where the site says nothing, or not of this one."""
    if gpp is None or not in_us(visitor.regime):
        return None
    return _string(gpp, visitor.granted, gpc=visitor.signals.gpc)


@lru_cache(maxsize=64)
def _string(gpp: Gpp, granted: frozenset[str], *, gpc: bool) -> str:
    return format_gpp({USNAT: format_usnat(_core(gpp, granted), {"Gpc": gpc})})


def _core(gpp: Gpp, granted: frozenset[str]) -> Fields:
    does = bool(gpp.sale or gpp.sharing or gpp.targeted_advertising)
    return {
        # The site has a privacy page: without one, its settings are refused.
        "SharingNotice": _YES,
        "SaleOptOutNotice": _noticed(gpp.sale),
        "SharingOptOutNotice": _noticed(gpp.sharing),
        "TargetedAdvertisingOptOutNotice": _noticed(gpp.targeted_advertising),
        "SensitiveDataProcessingOptOutNotice": _NOT_APPLICABLE,
        "SensitiveDataLimitUseNotice": _NOT_APPLICABLE,
        "SaleOptOut": _opted_out(gpp.sale, granted),
        "SharingOptOut": _opted_out(gpp.sharing, granted),
        "TargetedAdvertisingOptOut": _opted_out(gpp.targeted_advertising, granted),
        "SensitiveDataProcessing": [_NOT_APPLICABLE] * 16,
        "KnownChildSensitiveDataConsents": [_NOT_APPLICABLE] * 3,
        "PersonalDataConsents": _NOT_APPLICABLE,
        "MspaCoveredTransaction": _YES if gpp.covered else _NO,
        # The agreement has two ways: to let visitors opt out, and to do none of the three.
        "MspaOptOutOptionMode": (_YES if does else _NO) if gpp.covered else _NOT_APPLICABLE,
        "MspaServiceProviderMode": (_NO if does else _YES) if gpp.covered else _NOT_APPLICABLE,
    }


def _noticed(purposes: tuple[str, ...]) -> int:
    """The link to the settings is at every page's foot."""
    return _YES if purposes else _NOT_APPLICABLE


def _opted_out(purposes: tuple[str, ...], granted: frozenset[str]) -> int:
    """Who refuses one of the purposes has opted out."""
    if not purposes:
        return _NOT_APPLICABLE
    return _NOT_OPTED_OUT if granted.issuperset(purposes) else _OPTED_OUT


def _told(string: str, sections: Mapping[int, str], *, loaded: bool) -> Call:
    """What the page's script answers from now on (CMP API, "PingReturn")."""
    return Call(
        "method",
        "__gpp",
        (
            "told",
            {
                "gppVersion": "1.1",
                "cmpStatus": "loaded" if loaded else "loading",
                "signalStatus": "ready" if loaded else "not ready",
                "supportedAPIs": [f"{USNAT}:usnat"],
                "cmpId": _UNREGISTERED,
                "sectionList": [*sections],
                "applicableSections": [*sections] or [_NO_SECTION],
                "gppString": string,
                "parsedSections": {"usnat": parse_usnat(sections[USNAT])} if sections else {},
            },
        ),
    )


#: Where it is not known yet whose page it is.
LOADING = _told("", {}, loaded=False)


def gpp_told(string: str | None) -> Call:
    """What a page is told of a visitor for whom :func:`gpp_string` said this; if nothing, that no section applies."""
    return _told(string or format_gpp({}), parse_gpp(string) if string else {}, loaded=True)


def gpp_script(source: str | None, *, nonce: str | None) -> Markup:
    """The script that answers, in place or from ``source``: the same for every page."""
    address = Markup(' src="{}"').format(source) if source else ""
    content = Markup("") if source else Markup(asset("gpp.js").body.decode())  # noqa: S704 - our own file
    mark = Markup(' nonce="{}"').format(nonce) if nonce else ""
    return Markup("<script{}{}>{}</script>").format(address, mark, content)
