"""What ``manage.py check`` says of a set-up that would not start, would not gate, or is meant otherwise.

``docs/django.md`` has a line for each id. Nothing is opened and nothing is written: a check may run
where the site cannot.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Tags, Warning, register  # noqa: A004 - Django's name
from django.core.exceptions import ImproperlyConfigured
from django.template import engines
from django.template.backends.django import DjangoTemplates

from ..errors import ConfigurationError
from ..policy.settings import Settings
from . import csp
from .apps import own_cookies, read
from .stack import CONSENT, places, stack
from .store import alias_of, check_kind, is_ours

__all__ = ["check_deployment", "check_setup"]

_UPDATE, _FETCH = "django.middleware.cache.UpdateCacheMiddleware", "django.middleware.cache.FetchFromCacheMiddleware"
_GZIP = "django.middleware.gzip.GZipMiddleware"
#: What may stand in front: it makes no pages, and what it does to them needs no consent.
_IN_FRONT = frozenset(
    {
        "corsheaders.middleware.CorsMiddleware",
        "debug_toolbar.middleware.DebugToolbarMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
        "django.middleware.http.ConditionalGetMiddleware",
        "django.middleware.locale.LocaleMiddleware",
        "django.middleware.security.SecurityMiddleware",
        "django_hosts.middleware.HostsRequestMiddleware",
        "django_prometheus.middleware.PrometheusBeforeMiddleware",
        "whitenoise.middleware.WhiteNoiseMiddleware",
        *(_GZIP, _UPDATE, _FETCH, *csp.MIDDLEWARE),  # these have a word of their own
    }
)
_FIRST = 'put "consent.django.ConsentMiddleware" first in MIDDLEWARE'
#: Where a template asks for one visitor.
_ASKS = re.compile(r"\|\s*allows\b|\bconsent\.(?:allows|serves|granted|status|asked)\b")
_OTHER_DOORS = {"consent.wsgi": "WSGI_APPLICATION", "consent.asgi": "ASGI_APPLICATION"}


@register("consent")
def check_setup(**_: Any) -> list[CheckMessage]:
    """What is wrong wherever the site runs."""
    found = [*_middleware(), *_templates()]
    try:
        read_settings = read()
    except (ConfigurationError, ImproperlyConfigured) as error:
        return [_wrong(error), *found]
    return [*found, *_caches(read_settings), *_declared(read_settings), *_log(read_settings)]


@register("consent", Tags.security, deploy=True)
def check_deployment(**_: Any) -> list[CheckMessage]:
    """What is wrong where visitors are: ``manage.py check --deploy``."""
    try:
        return list(_deployed(read()))
    except (ConfigurationError, ImproperlyConfigured):
        return []  # said already


# The mapping

_WRONG = {
    "secret_key": (
        "consent.E002",
        'SECRET_KEY = secrets.token_urlsafe(50), kept out of the code; "consent" signs with it',
    ),
    "services": (
        "consent.E003",
        '"consent services WORD" lists what the catalogue knows; others need hosts and purposes',
    ),
}


def _wrong(error: ConfigurationError | ImproperlyConfigured) -> CheckMessage:
    """A setting that keeps the process from starting."""
    # Of Django's settings, it is SECRET_KEY that Django does not give out empty.
    path = error.path if isinstance(error, ConfigurationError) else ("CONSENT", "secret_key")
    setting = path[1] if len(path) > 1 else ""
    number, hint = _WRONG.get(setting, ("consent.E001", "the documentation of settings has a heading for each"))
    return Error(f"{str(error).rstrip('.')}. The site does not start", hint=hint, id=number)


def _declared(read_settings: Settings) -> Iterator[CheckMessage]:
    policy = read_settings.policy
    if not policy.optional:
        yield Warning(
            "CONSENT declares no services and no purposes: visitors are not asked, and can agree to nothing",
            hint='CONSENT = {"services": ["google-analytics", "youtube"], "privacy_url": "/privacy"}',
            id="consent.W002",
        )
    cookies = set(own_cookies())
    if read_settings.cookie_name in cookies:
        yield Error(
            f"CONSENT.cookie_name is {read_settings.cookie_name!r}, which is a cookie of Django's",
            hint="leave it out, or choose another name",
            id="consent.E010",
        )
    for service in policy.services:
        for cookie in service.cookies:
            if cookie.name in cookies and not set(policy.optional).isdisjoint(service.purposes):
                yield Warning(
                    f"CONSENT.services.{service.name} declares {cookie.name!r}, a cookie of Django's: "
                    "who refuses is logged out, and forms fail",
                    hint="leave it to Django, which needs it; it is never held where no service declares it by name",
                    id="consent.W003",
                )


# Middleware


def _middleware() -> Iterator[CheckMessage]:
    ours = places(CONSENT)
    doors = [
        (door, setting) for door, setting in _OTHER_DOORS.items() if _imports(getattr(settings, setting, None), door)
    ]
    for door, setting in doors:
        yield Error(
            f"{setting} puts the site behind {door}'s ConsentMiddleware"
            + (", and MIDDLEWARE behind Django's: its pages are gated twice" if ours else ""),
            hint="leave the one around the application out: request.consent and the template tags need Django's",
            id="consent.E006",
        )
    if not ours:
        yield Error(
            "consent.django is installed, and its middleware is not: nothing is held", hint=_FIRST, id="consent.E004"
        )
        return
    if len(ours) > 1:
        yield Error("ConsentMiddleware is there twice: pages are gated twice", hint=_FIRST, id="consent.E005")
    if policies := [place for place in places(*csp.MIDDLEWARE) if place < ours[0]]:
        yield Error(
            f"{settings.MIDDLEWARE[policies[0]]} stands in front of ConsentMiddleware: it writes the page's policy "
            "when the banner is in the page, without its nonce",
            hint=_FIRST,
            id="consent.E008",
        )
    in_front = [
        settings.MIDDLEWARE[place] for place, names in enumerate(stack()[: ours[0]]) if names.isdisjoint(_IN_FRONT)
    ]
    if in_front:
        yield Warning(
            f"what these answer themselves, and the cookies that they set, pass no gate: {', '.join(in_front)}",
            hint=f"{_FIRST}, or silence this if they make no pages",
            id="consent.W001",
        )
    if any(place > ours[-1] for place in places(_GZIP)):
        yield Info(
            "GZipMiddleware stands behind ConsentMiddleware: each page is compressed, unpacked to be gated, and "
            "compressed again",
            hint="put GZipMiddleware in front of it",
            id="consent.I001",
        )


def _imports(application: str | None, door: str) -> bool:
    """Whether the module of an application imports a door of ours; read, and not run, which would start the site."""
    try:
        found = find_spec((application or "").rpartition(".")[0] or "-")
        if found is None or found.origin is None:
            return False
        tree = ast.parse(Path(found.origin).read_bytes())
    except (ImportError, OSError, SyntaxError, ValueError):
        return False
    named = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    named += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    return any(f"{name}.".startswith(f"{door}.") for name in named)


# Caches


def _caches(read_settings: Settings) -> Iterator[CheckMessage]:
    ours = places(CONSENT)
    shared = read_settings.cache == "shared"
    fetching, updating = ([place < ours[0] for place in places(each)] if ours else [] for each in (_FETCH, _UPDATE))
    if any(fetching) and not shared:
        yield Error(
            "FetchFromCacheMiddleware stands in front of ConsentMiddleware: what it finds passes no gate, and a page "
            "that is one visitor's cannot be kept for others",
            hint=f'{_FIRST}, or set CONSENT["cache"] = "shared"',
            id="consent.E007",
        )
    elif any(updating) and not all(fetching):
        yield Error(
            "ConsentMiddleware stands between UpdateCacheMiddleware and FetchFromCacheMiddleware: what was gated "
            "is kept, and gated again",
            hint=f"{_FIRST}, in front of both",
            id="consent.E007",
        )
    if shared and (asking := list(_asking())):
        yield Warning(
            'CONSENT["cache"] is "shared", so that a page is nobody\'s, and in these templates every question about '
            f"the visitor is answered as for nobody: {', '.join(asking[:5])}{' and more' if asking[5:] else ''}",
            hint='mark elements with data-purpose="…", which wake in the page; or leave "cache" out',
            id="consent.W005",
        )


def _asking() -> Iterator[str]:
    """The site's own templates that ask what a visitor allows."""
    for folder in _template_folders():
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix not in {".mo", ".po", ".py"}:
                try:
                    text = path.read_text("utf-8")
                except (OSError, UnicodeDecodeError):
                    continue
                if _ASKS.search(text):
                    yield str(path.relative_to(folder))


def _template_folders() -> Iterable[Path]:
    folders = [Path(each) for engine in engines.all() for each in getattr(engine, "template_dirs", ())]
    return dict.fromkeys(folder for folder in folders if "site-packages" not in folder.parts)


# Templates

_REQUEST = "django.template.context_processors.request"


def _templates() -> Iterator[CheckMessage]:
    for engine in engines.all():
        if isinstance(engine, DjangoTemplates) and _REQUEST not in engine.engine.context_processors:
            yield Warning(
                f"the template engine {engine.name!r} does not give templates their request: {{% consent_banner %}} "
                "and the other tags cannot find the visitor",
                hint=f'add "{_REQUEST}" to its context_processors',
                id="consent.W004",
            )


# The log


def _file(log: str) -> str | None:
    """The path of a log that is an SQLite file; ``""`` is memory, None any other log."""
    scheme, _, rest = log.partition("://")
    return rest[1:] if scheme == "sqlite" else None


def _log(read_settings: Settings) -> Iterator[CheckMessage]:
    if is_ours(read_settings.log):
        try:
            check_kind(alias_of(read_settings.log))
        except ConfigurationError as error:
            yield _wrong(error)
        return
    path = _file(read_settings.log)
    if not path:
        return
    file = Path(path).absolute()
    for setting in ("MEDIA_ROOT", "STATIC_ROOT"):
        folder = getattr(settings, setting)
        if folder and file.is_relative_to(Path(folder).absolute()):
            yield Warning(
                f"CONSENT.log: {str(file)!r} is below {setting}, from where files are served to anybody",
                hint="put it where no server looks",
                id="consent.W007",
            )
    if not file.parent.is_dir():
        yield Error(
            f"CONSENT.log: there is no folder {str(file.parent)!r}",
            hint="make it, or choose another; the site does not start before it is there",
            id="consent.E009",
        )
    elif not os.access(file.parent, os.W_OK) or (file.exists() and not os.access(file, os.W_OK)):
        yield Warning(
            f"CONSENT.log: {str(file)!r} cannot be written by who runs this check",
            hint="give the user that the site runs as the file and its folder: SQLite writes beside the file too",
            id="consent.W006",
        )


def _deployed(read_settings: Settings) -> Iterator[CheckMessage]:
    path = _file(read_settings.log)
    if path == "":
        yield Warning(
            "CONSENT.log is memory: what visitors decided is forgotten with the process",
            hint='"log": f"sqlite:///{BASE_DIR / \'consent.db\'}", or a database',
            id="consent.W020",
        )
    elif path is not None and not path.startswith("/"):
        yield Warning(
            f"CONSENT.log is relative ({path!r}): where it is depends on the folder in which the process starts",
            hint='"log": f"sqlite:///{BASE_DIR / \'consent.db\'}", or a database',
            id="consent.W021",
        )
    if settings.DEBUG:
        yield Warning(
            "with DEBUG, every visitor is shown the developer's panel, and an error where a page cannot be gated",
            hint="DEBUG = False",
            id="consent.W022",
        )
    if read_settings.policy.optional and not read_settings.privacy_url:
        yield Warning(
            "the banner has no link to a privacy page: whoever is asked should be able to read who asks, and for what",
            hint='CONSENT["privacy_url"] = "/privacy"',
            id="consent.W023",
        )
