"""In which language a page is: the one that is active in Django, or that will be."""

from __future__ import annotations

from django.conf import global_settings, settings
from django.conf.urls.i18n import is_language_prefix_patterns_used
from django.http import HttpRequest
from django.utils.translation import get_language, get_language_from_path, get_language_from_request

__all__ = ["language_of"]


def language_of(request: HttpRequest, *, localised: bool) -> str | None:
    """None where nobody has said in which language the site's pages are.

    ``localised``: whether the site has ``LocaleMiddleware``. It may not have run yet, and does not for our own pages.
    """
    if not settings.USE_I18N:
        return None
    if localised:
        return get_language() if hasattr(request, "LANGUAGE_CODE") else _ahead(request)
    active = get_language()
    return None if active == global_settings.LANGUAGE_CODE else active


def _ahead(request: HttpRequest) -> str:
    """What ``LocaleMiddleware`` finds for the page to which one of our own leads back."""
    used, prefixed = is_language_prefix_patterns_used(settings.ROOT_URLCONF)
    if not used:
        return get_language_from_request(request)
    page = request.GET.get("next", "").removeprefix(request.META.get("SCRIPT_NAME", ""))
    found = get_language_from_path(page)
    return found or (get_language_from_request(request) if prefixed else settings.LANGUAGE_CODE)
