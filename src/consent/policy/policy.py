"""What a site declares: purposes, and the services that serve them.

A :class:`Policy` is frozen and complete. It is built once, at start, by
:func:`consent.policy.settings.read_settings`, and everything else asks it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property

from ..errors import UnknownPurpose

__all__ = ["BUILT_IN_PURPOSES", "KINDS", "NECESSARY", "Cookie", "Policy", "Purpose", "Service"]

NECESSARY = "necessary"
#: In the order in which people are asked, least intrusive first.
BUILT_IN_PURPOSES = (NECESSARY, "preferences", "statistics", "analytics", "marketing")
#: What a service's frames may show.
KINDS = ("video", "map", "social", "other")


@dataclass(frozen=True, slots=True)
class Purpose:
    """What storage on the visitor's device is for.

    ``title`` and ``text`` are empty for the built-in purposes, whose words come from the locale.
    ``necessary`` purposes are always allowed and cannot be refused (ePrivacy Directive, art. 5(3)).
    ``sensitive`` ones need an agreement also where the law lets the others run until they are refused.
    """

    name: str
    title: str = ""
    text: str = ""
    sensitive: bool = False

    @property
    def necessary(self) -> bool:
        return self.name == NECESSARY


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie that a service sets. ``*`` in ``name`` stands for any run of characters.

    ``days`` is the life that the vendor documents, 0 for the browser session, None if unknown.
    ``third_party`` cookies live on the vendor's own domain: we declare but cannot expire them.
    """

    name: str
    days: float | None = None
    third_party: bool = False


@dataclass(frozen=True, slots=True)
class Service:
    """Who stores or receives: a vendor's product, or something of the site's own.

    ``purposes``  all of them must be allowed before the service may run.
    ``hosts``     where it is reached: ``www.example.com``, or ``*.example.com`` (any depth, the bare domain not
                  included), each with an optional ``:port`` and an optional path prefix, in which ``*`` stands for
                  any run of characters: ``www.example.com/embed/``. ``*/matomo.js`` is a path on any host,
                  ``/proxy/ga.js`` one on this site.
    ``snippets``  text by which an inline script is known: ``fbq(``. One that begins or ends with a letter, digit,
                  ``_`` or ``$`` must do so at the edge of a JavaScript name (``hj(`` is not in ``obj.ohj(``);
                  ending in ``_`` leaves that end open.
    ``cookies``, ``storage``  what it leaves on the device (``storage``: keys of local and session storage, names of
                  databases and caches).
    ``kind``      what its frames show, one of :data:`KINDS`: the placeholder of a held one says so.
    ``declared``  False for a catalogue service that this site has not declared: held, whatever was chosen.
    ``told``      True where its own switch is off until the visitor agrees, so that its scripts need not be held.
    ``exempt``    the exemptions under which it may run until it is objected to; see :mod:`consent.policy.exemption`.
    """

    name: str
    title: str = ""
    provider: str = ""
    purposes: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    snippets: tuple[str, ...] = ()
    cookies: tuple[Cookie, ...] = ()
    storage: tuple[str, ...] = ()
    privacy_url: str = ""
    declared: bool = True
    told: bool = False
    exempt: frozenset[str] = frozenset()
    kind: str = "other"

    def __hash__(self) -> int:
        # A service is a key in many memories; its name tells it apart well enough.
        return hash(self.name)


@dataclass(frozen=True)
class Policy:
    """All purposes and services that a site declares, under one version.

    ``undeclared`` are catalogue services known but not declared here; the gate holds them always
    (setting ``undeclared = "hold"``) or the tuple is empty (``"allow"``). ``strict``: whatever is on another host than
    the site's own, and declared by nobody, is held too. ``necessary_cookies``: names of cookies that are nobody's but
    the site's framework's, whoever's pattern they match.
    """

    version: str
    purposes: tuple[Purpose, ...]
    services: tuple[Service, ...] = ()
    undeclared: tuple[Service, ...] = field(default=(), repr=False)
    strict: bool = False
    necessary_cookies: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        purposes: Iterable[Purpose],
        services: Iterable[Service] = (),
        *,
        version: str = "",
        undeclared: Iterable[Service] = (),
        strict: bool = False,
        necessary_cookies: Iterable[str] = (),
    ) -> Policy:
        """Build a policy; without a ``version``, one is derived from what consent depends on."""
        built = cls(
            version=version,
            purposes=tuple(purposes),
            services=tuple(services),
            undeclared=tuple(replace(service, declared=False) for service in undeclared),
            strict=strict,
            necessary_cookies=frozenset(necessary_cookies),
        )
        return built if version else replace(built, version=built.digest()[:12])

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of all purposes, in the order in which they are shown."""
        return tuple(purpose.name for purpose in self.purposes)

    @cached_property
    def optional(self) -> tuple[str, ...]:
        """The names of the purposes that a visitor may refuse."""
        return tuple(purpose.name for purpose in self.purposes if not purpose.necessary)

    @cached_property
    def sensitive(self) -> frozenset[str]:
        """The names of the purposes that nothing but an agreement allows."""
        return frozenset(purpose.name for purpose in self.purposes if purpose.sensitive)

    @cached_property
    def _exemptions(self) -> tuple[tuple[str, tuple[frozenset[str], ...]], ...]:
        """Each purpose whose services are all exempt by something, with what."""
        found = ((name, tuple(service.exempt for service in self.services_for(name))) for name in self.optional)
        return tuple((name, exemptions) for name, exemptions in found if exemptions and all(exemptions))

    def exempt(self, recognised: frozenset[str]) -> frozenset[str]:
        """The names of the purposes all of whose services are exempt, by one of these exemptions each."""
        return frozenset(
            name for name, exemptions in self._exemptions if not any(map(recognised.isdisjoint, exemptions))
        )

    def purpose(self, name: str) -> Purpose:
        """The purpose of that name.

        :raises UnknownPurpose: if the policy has none.
        """
        for purpose in self.purposes:
            if purpose.name == name:
                return purpose
        raise UnknownPurpose(name, self.names)

    def services_for(self, purpose: str) -> tuple[Service, ...]:
        """The declared services that need this purpose."""
        self.purpose(purpose)
        return tuple(service for service in self.services if purpose in service.purposes)

    def digest(self) -> str:
        """A hex SHA-256 over what a consent depends on: who, for what, asked or not. Hosts and wording are left out."""
        facts: dict[str, object] = {
            "purposes": sorted(self.names),
            "services": sorted([s.name, s.provider, *sorted(s.purposes)] for s in self.services),
        }
        # What a site does not use leaves its version as it was.
        if exempt := sorted([s.name, *sorted(s.exempt)] for s in self.services if s.exempt):
            facts["exempt"] = exempt
        if self.sensitive:
            facts["sensitive"] = sorted(self.sensitive)
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
