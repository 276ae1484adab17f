"""Whose is this request, cookie or key? A declared or known service's, else the domain's that somebody registered."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..gate.match import Rules, wildcard
from ..policy import catalogue
from ..policy.policy import NECESSARY, Policy, Purpose, Service
from .domain import host_of, registrable
from .seen import Cookie, Request, Stored

__all__ = ["Owner", "Owners"]

#: Cookies that frameworks and servers need to work, and ours.
_SERVING = re.compile(
    r"(?:__Host-|__Secure-)?(?:consent|csrf.*|_?xsrf.*|sessionid|session|.*sess(?:ion)?id|connect\.sid|messages|django_language|"
    r"laravel_session|_csrf.*|awsalb.*|awselb.*|serverid|lb|route)\Z",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Owner:
    """Who a thing belongs to.

    ``name``      a service's, or a registrable domain, or the site's own host.
    ``purposes``  what it is for, where that is known; empty where nobody has said.
    ``known``     whether it is a service of the policy or of the catalogue. ``own``: whether it is the site itself.
    """

    name: str
    title: str
    purposes: tuple[str, ...] = ()
    known: bool = False
    declared: bool = False
    own: bool = False

    @property
    def necessary(self) -> bool:
        """Whether it needs no consent."""
        return bool(self.purposes) and set(self.purposes) == {NECESSARY}


class Owners:
    """Tells whose things are, on a site of that host. ``policy``: what the site declares; without it, what is known."""

    def __init__(self, site: str, policy: Policy | None = None) -> None:
        self._site = site
        known = catalogue.load()
        if policy is None:
            policy = Policy.of([Purpose(NECESSARY)], undeclared=known.values(), version="-")
        else:
            named = {service.name for service in policy.services}
            others = [service for name, service in known.items() if name not in named]
            policy = Policy.of(
                policy.purposes,
                policy.services,
                version=policy.version,
                undeclared=others,
                necessary_cookies=policy.necessary_cookies,
            )
        self._rules = Rules(policy)
        self._necessary = policy.necessary_cookies
        self._third_cookies = [
            (re.compile(wildcard(cookie.name) + r"\Z", re.DOTALL), service)
            for service in (*policy.services, *policy.undeclared)
            for cookie in service.cookies
            if cookie.third_party
        ]
        self._keys = [
            (re.compile(wildcard(key) + r"\Z", re.DOTALL), service)
            for service in (*policy.services, *policy.undeclared)
            for key in service.storage
        ]

    def of_address(self, url: str) -> Owner:
        """Whose an address is."""
        try:
            services = self._rules.services_for_url(url, self._site_of(url))
        except ValueError:  # a link that leads nowhere, as somebody wrote it
            services = ()
        if services:
            return _of_service(services[0])
        return self._of_host(host_of(url))

    def of_request(self, request: Request) -> Owner:
        """Whose a request is."""
        return self.of_address(request.url)

    def of_cookie(self, cookie: Cookie) -> Owner:
        """Whose a cookie is: by its name, else by the script or host that set it."""
        if not cookie.third:
            serving = Owner(self._site, self._site, (NECESSARY,), own=True)
            if cookie.name in self._necessary:
                return serving
            services = self._rules.services_for_cookie(cookie.name)
            if services:
                return _of_service(services[0])
            # What others' scripts write is not the site's, whatever it is called.
            foreign = cookie.how == "script" and cookie.by and not self.of_address(cookie.by).own
            if _SERVING.match(cookie.name) and not foreign:
                return serving
        else:
            host = self.of_address(f"https://{cookie.domain.lstrip('.')}/")
            if host.known:
                return host
            for pattern, service in self._third_cookies:
                if pattern.match(cookie.name) and _reaches(service, cookie.domain):
                    return _of_service(service)
        if cookie.by and cookie.how == "script":
            return self.of_address(cookie.by)
        return self._of_host(cookie.domain.lstrip("."))

    def of_stored(self, stored: Stored) -> Owner:
        """Whose something kept in the browser is."""
        for pattern, service in self._keys:
            if pattern.match(stored.key):
                return _of_service(service)
        return self.of_address(stored.by or f"{stored.origin}/")

    def _site_of(self, url: str) -> str:
        port = urlsplit(url).port
        return f"{self._site}:{port}" if port else self._site

    def _of_host(self, host: str) -> Owner:
        domain = registrable(host)
        if domain == registrable(self._site):
            return Owner(self._site, self._site, own=True)
        return Owner(domain, domain)


def _reaches(service: Service, domain: str) -> bool:
    """Whether a service has a host in that cookie's domain."""
    of = registrable(domain.lstrip("."))
    return any(registrable(host.partition("/")[0].lstrip("*.")) == of for host in service.hosts)


def _of_service(service: Service) -> Owner:
    return Owner(service.name, service.title or service.name, service.purposes, known=True, declared=service.declared)
