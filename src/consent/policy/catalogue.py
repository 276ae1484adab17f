"""Known services: where they are reached, how their snippets are known, what they leave on a device.

Read when it is first asked for, never at import. The facts are in ``catalogue.json``, with what is known of their
reliability; the purpose there is the usual one, and the site's owner decides.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from ..errors import ConfigurationError
from .policy import Cookie, Service

__all__ = ["load"]


@cache
def load() -> Mapping[str, Service]:
    """All known services by name.

    :raises ConfigurationError: if the installed file is damaged.
    """
    try:
        content = json.loads(files("consent.policy").joinpath("catalogue.json").read_text("utf-8"))
        services = {name: _service(name, entry) for name, entry in content["services"].items()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"the catalogue of services cannot be read: {error!r}; install again") from error
    return MappingProxyType(services)


def _service(name: str, entry: Mapping[str, Any]) -> Service:
    return Service(
        name=name,
        title=entry["title"],
        provider=entry["provider"],
        purposes=tuple(entry["purposes"]),
        hosts=tuple(entry.get("hosts", ())),
        snippets=tuple(entry.get("snippets", ())),
        cookies=tuple(
            Cookie(cookie["name"], cookie["days"], cookie.get("third_party", False))
            for cookie in entry.get("cookies", ())
        ),
        storage=tuple(entry.get("storage", ())),
        kind=entry.get("kind", "other"),
    )
