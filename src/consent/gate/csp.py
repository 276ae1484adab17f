"""What a response's Content Security Policy lets us insert, and the policy behind which we hide what we cannot read.

Source: https://www.w3.org/TR/CSP3/ (directives 6.1, fallback 6.8, "does element match" 6.7.3).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["CLOSED", "Permits", "read_permits"]

#: Nothing but this site may be loaded, called or framed.
CLOSED = (
    "default-src 'self' 'unsafe-inline' data: blob:; connect-src 'self'; form-action 'self'; "
    "base-uri 'self'; object-src 'none'; frame-src 'self'; worker-src 'self'"
)

_NONCE = re.compile(r"'nonce-([A-Za-z0-9+/_=-]+)'\Z")
_STYLE = ("style-src-elem", "style-src", "default-src")
_SCRIPT = ("script-src-elem", "script-src", "default-src")


@dataclass(frozen=True, slots=True)
class Permits:
    """How our own elements pass a site's policy.

    ``style_nonce``, ``script_nonce``: what to put on them, or None. ``inline_style``: whether a ``<style>`` passes
    at all; if not, a stylesheet of this site is linked instead. ``strict_dynamic``: whether a script that may run may
    bring in others, of whatever address.
    """

    style_nonce: str | None = None
    script_nonce: str | None = None
    inline_style: bool = True
    strict_dynamic: bool = False


def read_permits(headers: Iterable[tuple[str, str]]) -> Permits:
    """Read the enforced policies of a response. Without any, everything is permitted."""
    values = tuple(value for name, value in headers if name.lower() == "content-security-policy")
    if not values:
        return _FREE
    # Most sites write a fresh nonce into each response, so only the policies' shape could be remembered.
    policies = [_directives(policy) for value in values for policy in value.split(",") if policy.strip()]
    style_nonces = {nonce for policy in policies if (nonce := _nonce(policy, _STYLE))}
    script_nonces = {nonce for policy in policies if (nonce := _nonce(policy, _SCRIPT))}
    # An element has one nonce: policies that want different ones cannot both be satisfied.
    style_nonce = style_nonces.pop() if len(style_nonces) == 1 else None
    return Permits(
        style_nonce=style_nonce,
        script_nonce=script_nonces.pop() if len(script_nonces) == 1 else None,
        inline_style=all(_inline(policy, style_nonce) for policy in policies),
        strict_dynamic=any(
            "'strict-dynamic'" in map(str.lower, _sources(policy, _SCRIPT) or ()) for policy in policies
        ),
    )


_FREE = Permits()


def _directives(policy: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for directive in policy.split(";"):
        name, *sources = directive.split() or [""]
        found.setdefault(name.lower(), sources)  # the first of a name counts
    return found


def _sources(policy: dict[str, list[str]], names: tuple[str, ...]) -> list[str] | None:
    return next((policy[name] for name in names if name in policy), None)


@lru_cache(maxsize=256)
def _nonce_of(source: str) -> str | None:
    found = _NONCE.match(source)
    return found.group(1) if found else None


def _nonce(policy: dict[str, list[str]], names: tuple[str, ...]) -> str | None:
    return next((nonce for source in _sources(policy, names) or () if (nonce := _nonce_of(source))), None)


def _inline(policy: dict[str, list[str]], nonce: str | None) -> bool:
    sources = _sources(policy, _STYLE)
    if sources is None:
        return True
    if nonce is not None and f"'nonce-{nonce}'" in sources:
        return True
    folded = [source.lower() for source in sources]
    # A nonce or a hash switches 'unsafe-inline' off.
    strict = any(source.startswith(("'nonce-", "'sha256-", "'sha384-", "'sha512-")) for source in folded)
    return "'unsafe-inline'" in folded and not strict
