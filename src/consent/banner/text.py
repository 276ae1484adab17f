"""The words, in the visitor's language: which language, which text, which plural form, how a list is joined.

One JSON file a language in ``locale/``, read when it is first needed. A plural text is a table of CLDR forms.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ..policy.policy import Cookie, Purpose

if TYPE_CHECKING:
    from .look import Look

__all__ = ["LANGUAGES", "Words", "keys", "negotiate", "plural_form"]

_PLACE = re.compile(r"\{([a-z]+)\}")
#: The languages that have a file, the first being the one to fall back to.
LANGUAGES = ("en", "ar", "de", "es", "fr")


@lru_cache(maxsize=1024)
def negotiate(*wishes: str | None, accept_language: str | None = None) -> str:
    """The language to show: the first wish that we have, else the visitor's best, else English.

    RFC 4647 look-up: ``fr-CA`` is served by ``fr``.

    >>> negotiate(None, "fr-CA"), negotiate("tlh", accept_language="nl;q=0.9, ar-EG;q=0.4, de;q=0"), negotiate()
    ('fr', 'ar', 'en')
    """
    for wish in (*wishes, *_accepted(accept_language or "")):
        language = (wish or "").replace("_", "-").lower().partition("-")[0]
        if language in LANGUAGES:
            return language
    return LANGUAGES[0]


def _accepted(header: str) -> tuple[str, ...]:
    ranked: list[tuple[float, int, str]] = []
    for number, item in enumerate(header[:1000].split(",")):
        tag, _, parameters = item.partition(";")
        name, _, value = parameters.strip().partition("=")
        try:
            quality = float(value) if name.strip().lower() == "q" else 1.0
        except ValueError:
            quality = 0.0
        if 0 < quality <= 1:
            ranked.append((-quality, number, tag.strip()))
    return tuple(tag for _, _, tag in sorted(ranked))


def plural_form(language: str, count: int) -> str:
    """The CLDR plural category of a whole number, for the languages that we have.

    >>> [plural_form("ar", n) for n in (0, 1, 2, 7, 30, 100)], plural_form("fr", 0), plural_form("en", 0)
    (['zero', 'one', 'two', 'few', 'many', 'other'], 'one', 'other')
    """
    if language == "ar":
        if count < 3:
            return ("zero", "one", "two")[count]
        rest = count % 100
        return "few" if 3 <= rest <= 10 else "many" if rest >= 11 else "other"
    one = count in {0, 1} if language == "fr" else count == 1
    return "one" if one else "other"


@cache
def _texts(language: str) -> Mapping[str, Any]:
    texts: Mapping[str, Any] = json.loads(
        files("consent.banner").joinpath("locale", f"{language}.json").read_text("utf-8")
    )
    return texts


def keys() -> frozenset[str]:
    """The names of all texts, which a site may set to words of its own."""
    return frozenset(_texts(LANGUAGES[0])) - {"dir"}


class Words:
    """The words of one language on one site: ours, less what the site says in its own way."""

    def __init__(self, look: Look, language: str) -> None:
        self.language = language
        self._own = {**look.texts.get("*", {}), **look.texts.get(language, {})}
        self._texts = _texts(language)

    def __call__(self, key: str, **values: str) -> str:
        """A text, its ``{names}`` filled in. Missing names stay as they are: a site's own words cannot break a page."""
        text: str = self._own.get(key) or self._texts[key]
        # In one go: a name within a value is no name.
        return _PLACE.sub(lambda place: values.get(place[1], place[0]), text) if values else text

    @property
    def direction(self) -> str:
        """``ltr`` or ``rtl``."""
        direction: str = self._texts["dir"]
        return direction

    def count(self, key: str, number: int) -> str:
        """A plural text for a number."""
        form: str = self._own.get(key) or self._texts[key][plural_form(self.language, number)]
        return form.replace("{count}", str(number))

    def join(self, items: Iterable[str]) -> str:
        """A list as a sentence has it: "a, b and c"."""
        *firsts, last = [*items] or [""]
        return self("and", first=self("comma").join(firsts), last=last) if firsts else last

    def title(self, purpose: Purpose) -> str:
        """A purpose's title: the site's own words, or ours for a built-in purpose."""
        return purpose.title or self(f"purpose.{purpose.name}.title")

    def text(self, purpose: Purpose) -> str:
        """A purpose's description."""
        return purpose.text or self(f"purpose.{purpose.name}.text")

    def duration(self, cookie: Cookie) -> str:
        """How long a cookie lives, in the unit in which people think of it."""
        days = cookie.days
        if days is None:
            return self("unknown")
        if days == 0:
            return self("session")
        if days < 1 / 24:
            return self.count("minutes", max(1, round(days * 1440)))
        if days < 1:
            return self.count("hours", round(days * 24))
        if days < 60:
            return self.count("days", round(days))
        years = round(days / 365.25)
        if years > 1 and abs(days - years * 365.25) <= years:
            return self.count("years", years)
        return self.count("months", round(days / 30.4375))
