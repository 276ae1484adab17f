"""The nonce of the site's Content Security Policy, as Django 6 and django-csp keep it.

Both make one only if somebody asks for it before the policy is written, and that is further in than the gate. So a site
whose policy lets in nothing of ours without a nonce is asked for one ahead of each view; any other site's pages have as
many nonces as they had.
"""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest

from ..gate.csp import script_way, style_way
from .stack import stack

__all__ = ["MIDDLEWARE", "made_nonce", "make_nonce", "needs_nonce"]

_DJANGO, _DJANGO_CSP = "django.middleware.csp.ContentSecurityPolicyMiddleware", "csp.middleware.CSPMiddleware"
#: Who writes a policy.
MIDDLEWARE = (_DJANGO, _DJANGO_CSP)


def needs_nonce() -> bool:
    """Whether the site's policy, as it is written where no nonce was asked for, keeps our script or style out."""
    headers = [("Content-Security-Policy", policy) for policy in _policies()]
    return script_way(headers, "") is None or style_way(headers, "") is None


def _policies() -> list[str]:
    found: list[str] = []
    for names in stack():
        if _DJANGO in names:
            from django.utils import csp  # pyright: ignore[reportMissingModuleSource] - Django 6

            found.append(csp.build_policy(settings.SECURE_CSP))
        elif _DJANGO_CSP in names:
            from csp.utils import build_policy

            found.append(build_policy() or "")
    return found


def make_nonce(request: HttpRequest) -> None:
    """Have the request's nonce made, if a policy is going to be written."""
    for name in ("csp_nonce", "_csp_nonce"):  # django-csp's; Django's
        str(getattr(request, name, ""))


def made_nonce(request: HttpRequest) -> str | None:
    """The request's nonce, if somebody has asked for it."""
    nonce = getattr(request, "_csp_nonce", None)
    return str(nonce) if nonce else None
