"""django-cookie-consent as a site has it: groups, cookies, settings and log, read through its own models.

Nothing is written to the site's database. Its rows are checked no further than that they are there: what they may be
called here is :mod:`.draft`'s affair.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ..errors import ConfigurationError

__all__ = ["Group", "Installed", "OldCookie", "opened", "read_installed", "rows"]

PACKAGE = "django-cookie-consent"
_APP = "cookie_consent"
#: Rows of the log that are read at a time.
_CHUNK = 2000


@dataclass(frozen=True, slots=True)
class OldCookie:
    """A cookie of a group. ``domain`` is empty for the site's own."""

    name: str
    domain: str = ""
    path: str = "/"
    description: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """A group of cookies that visitors accept or decline; ``required`` ones they cannot."""

    varname: str
    name: str = ""
    description: str = ""
    required: bool = False
    cookies: tuple[OldCookie, ...] = ()


@dataclass(frozen=True, slots=True)
class Installed:
    """An installation. ``hosts`` are those of the site; ``cookie``, ``domain``, ``months`` of the visitors' cookie."""

    version: str
    groups: tuple[Group, ...]
    hosts: tuple[str, ...] = ()
    cookie: str = _APP
    domain: str = ""
    months: int = 12
    opt_out: bool = False
    conditional: bool = False
    rows: int = 0


@contextmanager
def opened(module: str | None, database: str) -> Iterator[None]:
    """Django with the settings of that module, or as it is running already; its errors as ours.

    :raises ConfigurationError: if Django, the settings, the package, the database or its tables are not there.
    """
    try:
        import django
        from django.apps import apps
        from django.conf import settings
        from django.core.exceptions import ImproperlyConfigured
        from django.db import DatabaseError, connections
    except ImportError as error:
        raise ConfigurationError("Django is not installed in this environment: run this in the site's own") from error
    if not apps.ready:
        if module:
            os.environ["DJANGO_SETTINGS_MODULE"] = module
        sys.path.insert(0, os.getcwd())  # noqa: PTH109 - as manage.py has it
        try:
            settings.INSTALLED_APPS  # noqa: B018 - reads the module
            django.setup()
        except (ImportError, ImproperlyConfigured) as error:
            raise ConfigurationError(
                f"the site's Django settings cannot be loaded: {_line(error)}; name them with --settings or "
                "DJANGO_SETTINGS_MODULE, and run this where manage.py is"
            ) from error
    if not apps.is_installed(_APP):
        raise ConfigurationError(
            f"{_APP!r} is not in INSTALLED_APPS: leave {PACKAGE} installed until this is done",
            value=settings.SETTINGS_MODULE if settings.configured and hasattr(settings, "SETTINGS_MODULE") else None,
        )
    if database not in connections:
        raise ConfigurationError("the site has no such database", value=database, known=connections)
    try:
        yield
    except DatabaseError as error:
        raise ConfigurationError(
            f"the tables of {PACKAGE} cannot be read from the database {database!r}: {_line(error)}; "
            "run manage.py migrate, or name another database with --database"
        ) from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def read_installed(database: str) -> Installed:
    """The installation. Call it within :func:`opened`."""
    from cookie_consent.conf import settings
    from cookie_consent.models import CookieGroup, LogItem

    groups = CookieGroup.objects.using(database).prefetch_related("cookie_set").order_by("ordering", "pk")
    return Installed(
        version=_version(),
        groups=tuple(map(_group, groups)),
        hosts=tuple(host for host in settings.ALLOWED_HOSTS if host != "*"),
        cookie=settings.COOKIE_CONSENT_NAME,
        domain=settings.COOKIE_CONSENT_DOMAIN or "",
        months=max(1, round(settings.COOKIE_CONSENT_MAX_AGE / (86_400 * 30.4))),
        opt_out=bool(settings.COOKIE_CONSENT_OPT_OUT),
        conditional=settings.COOKIE_CONSENT_ENABLED is not True,
        rows=LogItem.objects.using(database).count(),
    )


def _version() -> str:
    try:
        return version(PACKAGE)
    except PackageNotFoundError:  # a copy of it in the site
        return "unknown"


def _group(group: Any) -> Group:
    return Group(
        varname=group.varname,
        name=group.name or "",
        description=group.description or "",
        required=group.is_required,
        cookies=tuple(
            OldCookie(cookie.name, cookie.domain or "", cookie.path or "/", cookie.description or "")
            for cookie in sorted(group.cookie_set.all(), key=lambda cookie: cookie.pk)
        ),
    )


def rows(database: str) -> Iterator[Mapping[str, Any]]:
    """The rows of the log, the oldest first, each as it is. Call it within :func:`opened`."""
    from cookie_consent.models import LogItem
    from django.utils.timezone import is_naive, make_aware

    actions = {1: "accepted", -1: "declined"}
    found = LogItem.objects.using(database).select_related("cookiegroup").order_by("pk")
    for row in found.iterator(_CHUNK):
        created = make_aware(row.created) if is_naive(row.created) else row.created  # where USE_TZ is off
        yield {
            "row": row.pk,
            "at": created.astimezone(UTC).isoformat(),
            "action": actions.get(row.action, row.action),
            "group": row.cookiegroup.varname,
            "version": row.version,
        }
