"""The words, in the visitor's language: which language, which text, which plural form, how a list is joined.

One JSON file a language in ``locale/``, read when it is first needed. A plural text is a table of CLDR forms. A
language is called by its BCP 47 tag, as HTML and the log spell it (``pt-BR``); its file by the same in lower case.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ..policy.policy import Cookie, Purpose

if TYPE_CHECKING:
    from .look import Look

__all__ = ["LANGUAGES", "Words", "find", "keys", "negotiate", "plural_form", "spelled"]

_PLACE = re.compile(r"\{([a-z]+)\}")
_LOCALE = files("consent.banner").joinpath("locale")


# Plural forms: CLDR's rules for whole numbers below a million, beyond which some languages have one for millions.


def _never(count: int) -> str:  # noqa: ARG001 - that is the point
    return "other"


def _one(count: int) -> str:
    return "one" if count == 1 else "other"


def _none_or_one(count: int) -> str:
    return "one" if count in {0, 1} else "other"


def _dual(count: int) -> str:
    return {1: "one", 2: "two"}.get(count, "other")


def _icelandic(count: int) -> str:
    return "one" if count % 10 == 1 and count % 100 != 11 else "other"


def _latvian(count: int) -> str:
    return "zero" if count % 10 == 0 or 11 <= count % 100 <= 19 else "one" if count % 10 == 1 else "other"


def _lithuanian(count: int) -> str:
    last = 0 if 11 <= count % 100 <= 19 else count % 10
    return "one" if last == 1 else "few" if last else "other"


def _czech(count: int) -> str:
    return "one" if count == 1 else "few" if 2 <= count <= 4 else "other"


def _slovenian(count: int) -> str:
    return {1: "one", 2: "two", 3: "few", 4: "few"}.get(count % 100, "other")


def _croatian(count: int) -> str:
    last = 0 if 11 <= count % 100 <= 14 else count % 10
    return "one" if last == 1 else "few" if 2 <= last <= 4 else "other"


def _russian(count: int) -> str:
    form = _croatian(count)
    return "many" if form == "other" else form


def _polish(count: int) -> str:
    form = _russian(count)
    return form if form != "one" or count == 1 else "many"


def _romanian(count: int) -> str:
    return "one" if count == 1 else "few" if count == 0 or 1 <= count % 100 <= 19 else "other"


def _maltese(count: int) -> str:
    if count in {1, 2}:
        return _dual(count)
    rest = count % 100
    return "few" if count == 0 or 3 <= rest <= 10 else "many" if 11 <= rest <= 19 else "other"


def _irish(count: int) -> str:
    return _dual(count) if count < 3 else "few" if count < 7 else "many" if count < 11 else "other"


def _welsh(count: int) -> str:
    return {0: "zero", 1: "one", 2: "two", 3: "few", 6: "many"}.get(count, "other")


def _arabic(count: int) -> str:
    if count < 3:
        return ("zero", "one", "two")[count]
    rest = count % 100
    return "few" if 3 <= rest <= 10 else "many" if rest >= 11 else "other"


_FORMS: Mapping[str, Callable[[int], str]] = {
    language: rule
    for rule, languages in (
        (_never, "id ja ko zh zh-Hant"),
        (_one, "bg ca da de el en es et eu fi gl hu it nb nl pt sq sv tr"),
        (_none_or_one, "fa fr hi pt-BR vi"),
        (_dual, "he"),
        (_icelandic, "is"),
        (_latvian, "lv"),
        (_lithuanian, "lt"),
        (_czech, "cs sk"),
        (_slovenian, "sl"),
        (_croatian, "hr sr sr-Latn"),
        (_russian, "ru uk"),
        (_polish, "pl"),
        (_romanian, "ro"),
        (_maltese, "mt"),
        (_irish, "ga"),
        (_welsh, "cy"),
        (_arabic, "ar"),
    )
    for language in languages.split()
}

#: Serbian is written in both scripts, letter by letter: the file is in Cyrillic.
_IN_ANOTHER_SCRIPT = {"sr-Latn": "sr"}
_CYRILLIC = "абвгдђежзијклмнопрстћуфхцчшАБВГДЂЕЖЗИЈКЛМНОПРСТЋУФХЦЧШ"
_LATIN = "abvgdđežzijklmnoprstćufhcčšABVGDĐEŽZIJKLMNOPRSTĆUFHCČŠ"
_TO_LATIN = str.maketrans(
    dict(zip(_CYRILLIC, _LATIN, strict=True)) | {"љ": "lj", "њ": "nj", "џ": "dž", "Љ": "Lj", "Њ": "Nj", "Џ": "Dž"}
)


#: The languages that we have, the first being the one to fall back to.
LANGUAGES = ("en", *sorted(_FORMS.keys() - {"en"}))


# Which language

_SPELLED = {language.lower(): language for language in LANGUAGES}
#: Who else is served by a language: by old and encompassing codes, and by regions that write the other script (CLDR,
#: languageAlias and likelySubtags); and Nynorsk's and Bosnian's readers, who read these.
_ALSO = {
    "no": "nb", "nn": "nb", "iw": "he", "in": "id", "mo": "ro", "prs": "fa",
    "sh": "sr-Latn", "cnr": "sr-Latn", "sr-me": "sr-Latn", "bs": "hr", "bs-cyrl": "sr",
    "zh-tw": "zh-Hant", "zh-hk": "zh-Hant", "zh-mo": "zh-Hant", "yue": "zh-Hant",
}  # fmt: skip


def _folded(tag: str) -> str:
    return tag.strip().replace("_", "-").lower()


def spelled(tag: str) -> str | None:
    """A language that we have, as HTML spells it; None if there is none by just that name.

    >>> spelled("pt_br"), spelled("fr-CA")
    ('pt-BR', None)
    """
    return _SPELLED.get(_folded(tag))


def find(tag: str) -> str | None:
    """The language that serves who asks for this one, if we have it: the longest beginning of the tag (RFC 4647, 3.4).

    >>> find("fr-CA"), find("zh-Hant-HK"), find("zh-HK"), find("zh-SG"), find("pt-PT"), find("nn"), find("tlh")
    ('fr', 'zh-Hant', 'zh-Hant', 'zh', 'pt', 'nb', None)
    """
    name = _folded(tag[:100])
    while name:
        found = _SPELLED.get(name) or _SPELLED.get(_ALSO.get(name, "").lower())
        if found:
            return found
        name = name.rpartition("-")[0]
    return None


@lru_cache(maxsize=1024)
def negotiate(*wishes: str | None, accept_language: str | None = None) -> str:
    """The language to show: the first wish that we have, else the visitor's best, else English.

    >>> negotiate(None, "fr-CA"), negotiate("tlh", accept_language="la;q=0.9, ar-EG;q=0.4, de;q=0"), negotiate()
    ('fr', 'ar', 'en')
    """
    for wish in (*wishes, *_accepted(accept_language or "")):
        found = find(wish) if wish else None
        if found:
            return found
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
    """The CLDR plural category of a whole number below a million, in a language that we have.

    >>> [plural_form("ar", n) for n in (0, 1, 2, 7, 30, 100)], plural_form("fr", 0), plural_form("en", 0)
    (['zero', 'one', 'two', 'few', 'many', 'other'], 'one', 'other')
    """
    return _FORMS[language](count)


@cache
def _texts(language: str) -> Mapping[str, Any]:
    file = _IN_ANOTHER_SCRIPT.get(language, language).lower()
    text = _LOCALE.joinpath(f"{file}.json").read_text("utf-8")
    texts: Mapping[str, Any] = json.loads(text if file == language.lower() else text.translate(_TO_LATIN))
    return texts


def keys() -> frozenset[str]:
    """The names of all texts, which a site may set to words of its own."""
    return frozenset(_texts(LANGUAGES[0])) - {"dir"}


class Words:
    """The words of one language on one site: ours, less what the site says in its own way."""

    def __init__(self, look: Look, language: str) -> None:
        self.language = language
        self._own = dict(look.texts.get("*", {}))
        for tag, texts in look.texts.items():
            if spelled(tag) == language:
                self._own.update(texts)
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
