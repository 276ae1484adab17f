"""Which hosts belong together: the registrable domain, by the Public Suffix List."""

from __future__ import annotations

from functools import cache, lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

__all__ = ["host_of", "is_third", "registrable"]


@cache
def _suffixes() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList()


@lru_cache(maxsize=4096)
def registrable(host: str) -> str:
    """What somebody registered of a host: ``example.co.uk`` of ``shop.example.co.uk``. An address, or a name without a
    public suffix, is its own.
    """
    host = host.strip("[].").lower()
    try:
        return str(ip_address(host))
    except ValueError:
        return _suffixes().privatesuffix(host) or host


@lru_cache(maxsize=16384)
def host_of(url: str) -> str:
    """The host of an address, in lower case; ``""`` if it has none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def is_third(host: str, site: str) -> bool:
    """Whether a host is a third party on a page of the host ``site``."""
    return bool(host) and registrable(host) != registrable(site)
