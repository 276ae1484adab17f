"""Words that say nothing: a purpose that is told so vaguely that nobody could agree to it.

The AEPD's guide on cookies names "to improve your experience" as what visitors learn nothing from; a purpose says
what is done. Only the site's own words are read, and what is found is a warning: whether a text is plain is for
people to judge.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from .policy import Policy

__all__ = ["vague"]

#: The experience that is to be improved, in the languages in which most sites say so.
_SAID = re.compile(
    r"(?:improv|enhanc|optimi[sz]|personali[sz]|better|best)\w*\W+(?:\w+\W+){0,3}?(?:user\W+)?experience"
    r"|(?:améliorer|optimiser|meilleure)\W+(?:\w+\W+){0,3}?expérience"
    r"|(?:verbesser|optimier|best)\w*\W+(?:\w+\W+){0,3}?(?:nutzer|nutzungs|benutzer|besuchs|surf|online)?-?\w*(?:erlebnis|erfahrung)"
    r"|(?:nutzer|nutzungs|benutzer|surf|online)?-?(?:erlebnis|erfahrung)\w*\W+(?:\w+\W+){0,3}?(?:verbesser|optimier)"
    r"|(?:mejorar|optimizar|mejor)\W+(?:\w+\W+){0,3}?experiencia"
    r"|(?:migliorare|ottimizzare|migliore)\W+(?:\w+\W+){0,3}?esperienza"
    r"|(?:melhorar|otimizar|melhor)\W+(?:\w+\W+){0,3}?experiência"
    r"|(?:gebruiks|gebruikers|surf)?ervaring\W+(?:\w+\W+){0,3}?(?:verbeter|optimalis)"
    r"|(?:verbeter|optimalis)\w*\W+(?:\w+\W+){0,3}?(?:gebruiks|gebruikers|surf)?ervaring",
    re.IGNORECASE,
)


def vague(policy: Policy, texts: Mapping[str, Mapping[str, str]]) -> Iterable[tuple[str, str]]:
    """Each purpose whose own text, or whose text of the site's own in some language, says nothing; with what it says.

    >>> from consent.policy.policy import Purpose
    >>> own = Policy.of([Purpose("fun", "Fun", "We use this to improve your browsing experience.")])
    >>> list(vague(own, {"fr": {"purpose.fun.text": "Compte les visites."}}))
    [('fun', 'improve your browsing experience')]
    """
    for purpose in policy.purposes:
        said = [purpose.text, *(words.get(f"purpose.{purpose.name}.text", "") for words in texts.values())]
        for found in filter(None, map(_SAID.search, said)):
            yield purpose.name, found[0]
