"""The element that sets up the head guard (``static/guard.js``): in the page, or a file where its policy wants one."""

from __future__ import annotations

from functools import lru_cache

from markupsafe import Markup, escape

from .look import asset
from .script import asset_url

__all__ = ["guard"]


def guard(told: str, granted: frozenset[str], *, base: str, nonce: str | None, linked: bool = False) -> bytes:
    """The guard's script, for the beginning of the head.

    :param told: whose hosts are held (:func:`consent.gate.wall.told`).
    :param base: origin and prefix of our addresses.
    :param nonce: what the page's policy asks of scripts, if it does.
    :param linked: whether it is a file that the page waits for, rather than part of the page.
    """
    before, after = _around(told, granted, base, linked)
    mark = b' nonce="%b"' % str(escape(nonce)).encode() if nonce is not None else b""
    return before + mark + after


@lru_cache(maxsize=64)
def _around(told: str, granted: frozenset[str], base: str, linked: bool) -> tuple[bytes, bytes]:
    before = Markup('<script data-granted="{}" data-held="{}"').format(" ".join(sorted(granted)), told)
    if linked:
        return before.encode(), Markup(' src="{}"></script>').format(asset_url(base, "guard.js")).encode()
    return before.encode(), b">%b</script>" % asset("guard.js").body
