"""What a visitor is shown, for the record."""

from __future__ import annotations

import json

from ..policy.policy import Cookie
from ..policy.regime import Regime
from .card import exempt_text, first_text, refusal
from .declared import held_days, left_behind
from .look import Look, stylesheet
from .placeholder import PLACEHOLDERS
from .text import Words

__all__ = ["shown"]


def shown(look: Look, words: Words, regime: Regime) -> bytes:
    """Exactly the words and facts that a visitor is shown, as canonical JSON. A record's ``notice`` is its hash."""
    policy = look.policy
    content = {
        "v": 1,
        "policy": policy.version,
        "lang": words.language,
        "model": regime.model,
        "months": regime.months,
        "layout": look.layout,
        "theme": look.theme,
        "style": stylesheet(look.layout, look.theme).digest,
        "title": words("title"),
        "text": first_text(look, words, regime),
        "exempt": exempt_text(look, words, regime.exempt(policy)),
        "buttons": [words("accept"), words(refusal(regime)), words("settings")],
        "close": words("continue_without") if look.close_button else "",
        "intro": words("settings_intro"),
        "valid": words("valid", duration=words.duration(Cookie("", held_days(regime)))),
        "settings": [
            words(key) for key in ("settings_title", "save", "accept_all", f"{refusal(regime)}_all", "always_on")
        ],
        "own_cookie": words("own_cookie"),
        "connects": words("connects"),
        "placeholder": [words(key) for key in (*PLACEHOLDERS.values(), "placeholder_text", "once", "always")],
        "privacy_url": look.privacy_url,
        "purposes": [
            {"name": purpose.name, "title": words.title(purpose), "text": words.text(purpose)}
            for purpose in policy.purposes
        ],
        "services": [
            {
                "name": service.name,
                "title": service.title,
                "provider": service.provider,
                "purposes": list(service.purposes),
                "hosts": list(service.hosts),
                "privacy_url": service.privacy_url,
                "stored": [f"{name} ({said})" for name, said in left_behind(words, service)],
            }
            for service in policy.services
        ],
    }
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
