"""What the settings say: whom they declare, which keys they have, what could be faster."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from ..gate import native
from ..gate.look import sound_hyperscan
from ..policy.settings import Settings
from ..sheet import number
from .point import Point

__all__ = ["check_settings"]

#: What compiling the gate and hyperscan are for.
_COMPILED = "pages that were never seen pass the gate in two thirds of the time"
_SCANNED = "they pass in a third of the time"
_CODINGS = "with it, pages may leave in br and zstd"


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
    yield from _extras()
    yield from _keys(settings)


def _extras() -> Iterator[Point]:
    """What makes things faster or possible: a choice of the site's, that is no reason to stop a deployment."""
    if native.fast is not None:
        yield Point("settings", "the gate is compiled", "good", _COMPILED)
    else:
        remedy = "install a C compiler and Python's headers, then cookie-consent again"
        yield Point("settings", "the gate need not be compiled", "good", _COMPILED, remedy)
    if sound_hyperscan() is not None:
        yield Point("settings", "hyperscan is used", "good", _SCANNED)
    elif find_spec("hyperscan") is not None:
        told = "this version misses what it should find, so it is not used"
        yield Point("settings", "hyperscan is not used", "unsure", told, "pip install 'cookie-consent[speed]'")
    else:
        yield _not_needed("hyperscan", _SCANNED, "speed")
    if find_spec("brotli") is not None:
        yield Point("settings", "brotli is installed", "good", _CODINGS)
    else:
        yield _not_needed("brotli", _CODINGS, "codings")


def _not_needed(module: str, gain: str, extra: str) -> Point:
    return Point("settings", f"{module} is not needed", "good", gain, f"pip install 'cookie-consent[{extra}]'")


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
