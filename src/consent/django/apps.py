"""Django's name for the app, and the process's one site; the app's label is ``consent``."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Lock, Thread
from typing import Any
from weakref import finalize

from django.apps import AppConfig
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed

from ..log.store import Store
from ..policy.settings import Settings
from ..site import Site

__all__ = ["ConsentConfig"]

#: Settings upon which the site depends; a test that overrides one of them gets another site.
_READ = frozenset(
    {"CONSENT", "DEBUG", "SECRET_KEY", "SECRET_KEY_FALLBACKS", "INSTALLED_APPS"}
    | {"SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME", "LANGUAGE_COOKIE_NAME"}
)


class ConsentConfig(AppConfig):
    """``INSTALLED_APPS += ["consent.django"]``."""

    name = "consent.django"
    label = "consent"
    verbose_name = "Consent"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Once Django's settings are there: nothing of the site is read or opened yet."""
        from . import checks  # noqa: F401 - they register themselves

        self._lock = Lock()
        self._site: Site | None = None
        setting_changed.connect(self._forget)

    @property
    def site(self) -> Site:
        """The process's site, opened when it is first asked for.

        :raises ConfigurationError: for a wrong setting.
        """
        with self._lock:
            if self._site is None:
                self._site = open_site()
            return self._site

    def _forget(self, *, setting: str, **_: Any) -> None:
        if setting in _READ:
            self._site = None


def read() -> Settings:
    """What Django's settings say: ``CONSENT``, a mapping or the path of a TOML file, and the keys that sign.

    :raises ConfigurationError: for whatever is wrong.
    """
    return Site.read(
        getattr(settings, "CONSENT", {}),
        keys=[settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS],
        necessary_cookies=own_cookies(),
    )


def open_site() -> Site:
    """A site of its own, whose decisions are told to :data:`~consent.django.signals.decision_recorded`."""
    from .signals import send_recorded
    from .store import open_store

    declared = read()
    site = Site(declared, debug=settings.DEBUG, store=open_store(declared))
    site.recorded.append(send_recorded)
    # Forgotten, it may be middleware's still; its log is closed with the last of them.
    finalize(site, _close, site.store).atexit = False
    return site


def _close(store: Store) -> None:
    """Close a log, wherever it is collected: Django's connections refuse a thread in which an event loop runs."""
    closing = Thread(target=store.close)
    closing.start()
    closing.join()


def own_cookies() -> Iterator[str]:
    """The names of the cookies that are Django's: its session's, its forms', the language's, the messages'."""
    yield from (settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME, settings.LANGUAGE_COOKIE_NAME)
    if "django.contrib.messages" in settings.INSTALLED_APPS:
        from django.contrib.messages.storage.cookie import CookieStorage

        yield CookieStorage.cookie_name


def the_site() -> Site:
    """The process's site.

    :raises ImproperlyConfigured: if the app is not installed.
    """
    from django.apps import apps

    try:
        app = apps.get_app_config(ConsentConfig.label)
    except LookupError:
        app = None
    if not isinstance(app, ConsentConfig):
        raise ImproperlyConfigured(
            'consent.django.ConsentMiddleware needs its app: add "consent.django" to INSTALLED_APPS'
        )
    return app.site
