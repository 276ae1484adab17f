"""What the settings say: whom they declare, which keys they have, what could be faster."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from ..policy.settings import Settings
from ..sheet import number
from .point import Point

__all__ = ["check_settings"]

#: Modules that make things faster or possible, what they are for, and the extra that brings them.
_EXTRAS = (
    ("hyperscan", "with it, pages that were never seen pass the gate thrice as fast", "speed"),
    ("brotli", "with it, pages may leave in br and zstd", "codings"),
)


def check_settings(settings: Settings) -> Iterator[Point]:
    """Of settings that were read: they are right, or they would not be here."""
    policy = settings.policy
    yield Point("settings", "they can be read", "good", f"policy {policy.version}")
    if policy.optional:
        told = f"{number('service', len(policy.services))}, for {', '.join(policy.optional)}"
        yield Point("settings", "something is declared", "good", told)
    else:
        yield Point(
            "settings",
            "something is declared",
            "bad",
            "visitors are not asked, and can agree to nothing",
            'services = ["google-analytics"]; "consent services" lists the known ones',
        )
    for purpose in policy.optional:
        if not policy.services_for(purpose):
            yield Point(
                "settings",
                f"purpose {purpose}",
                "unsure",
                "no service is for it, and visitors are asked for it",
                "take it out, or say which service needs it",
            )
    if settings.privacy_url:
        yield Point("settings", "the banner leads to a privacy page", "good", settings.privacy_url)
    else:
        yield Point(
            "settings",
            "the banner leads to a privacy page",
            "bad",
            "privacy_url is missing",
            'privacy_url = "/privacy"',
        )
    if settings.regime is None:
        yield Point("settings", "the law of the visitor's region", "good", "from where the visitor is")
    else:
        yield Point("settings", "the law", "good", f"{settings.regime.name}: {settings.regime.model}")
    if not policy.undeclared:
        yield Point("settings", "services that nobody declared", "unsure", "they pass", 'undeclared = "hold"')
    for module, gain, extra in _EXTRAS:
        # A choice of the site's, that is no reason to stop a deployment.
        if find_spec(module) is not None:
            yield Point("settings", f"{module} is installed", "good", gain)
        else:
            yield Point("settings", f"{module} is not needed", "good", gain, f"pip install 'cookie-consent[{extra}]'")
    yield from _keys(settings)


def _keys(settings: Settings) -> Iterator[Point]:
    many = len(settings.keys)
    yield Point("keys", "there is one to sign with", "good", f"{many} key{'s' * (many > 1)}, the first signs")
    if settings.log.startswith("sqlite:///:memory:") or settings.log in {"sqlite://", "sqlite:///"}:
        yield Point(
            "log", "it outlives the process", "bad", "it is in memory", 'log = "sqlite:////var/lib/site/consent.db"'
        )
    elif settings.log.startswith("sqlite:///") and not settings.log.startswith("sqlite:////"):
        yield Point(
            "log",
            "its place",
            "unsure",
            "it is relative: it depends on the folder in which the process starts",
            'log = "sqlite:////var/lib/site/consent.db"',
        )
