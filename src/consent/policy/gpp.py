"""The setting ``gpp``: whether pages in the United States speak IAB's Global Privacy Platform, and for which purposes.

::

    gpp = true                                    # "marketing" is all three, and no agreement of IAB's is signed

    [gpp]
    sale = []                                     # this site sells nothing
    targeted_advertising = ["marketing", "profiles"]
    covered = true                                # it has signed IAB's agreement, the MSPA
"""

from __future__ import annotations

from dataclasses import dataclass

from .policy import Policy
from .reader import Table
from .regime import Regime

__all__ = ["Gpp", "in_us", "read_gpp"]

_USES = ("sale", "sharing", "targeted_advertising")


@dataclass(frozen=True, slots=True)
class Gpp:
    """``sale``, ``sharing``, ``targeted_advertising``: the purposes that are this, by the laws of the United States.

    Without any, the site does nothing of the kind. ``covered``: it has signed IAB's Multi-State Privacy Agreement, and
    declares its transactions covered by it.
    """

    sale: tuple[str, ...]
    sharing: tuple[str, ...]
    targeted_advertising: tuple[str, ...]
    covered: bool = False


def in_us(regime: Regime) -> bool:
    """Whether a regime is one of the United States: by its name, which a site's own may have too."""
    return regime.name.startswith("us-")


def read_gpp(table: Table, policy: Policy, regime: Regime | None, *, privacy_url: str) -> Gpp | None:
    """The setting, or None where it is off. ``regime``: the one of all visitors, if their region does not decide.

    :raises ConfigurationError: for a purpose that the site does not have, or where what would be said is not so.
    """
    value = table.raw("gpp", default=False)
    if value is False:
        return None
    entry = Table({} if value is True else value, (*table.path, "gpp"))
    uses = {name: ("marketing",) if entry.raw(name) is None else entry.texts(name) for name in _USES}
    covered = entry.flag("covered")
    entry.finish()
    for name, purposes in uses.items():
        for purpose in purposes:
            if purpose not in policy.optional:
                entry.fail(name, "not a purpose that visitors of this site can refuse", purpose, policy.optional)
    if not privacy_url:
        table.fail("gpp", "says that visitors were given notice of what is done with their data: set privacy_url")
    if regime is not None and not in_us(regime):
        table.fail("gpp", 'is for the United States, where no visitor is: set region, or a regime such as "us-ca"')
    return Gpp(**uses, covered=covered)
