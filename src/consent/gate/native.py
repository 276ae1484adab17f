"""The innermost loops of the gate, compiled (``_fast.c``), where that was possible. Without them it does the same.

Nothing is in C that is not in Python beside it: :func:`~consent.gate.tokens.read_tag` and
:class:`~consent.gate.sight.Sight`.
"""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["fast"]


def _compiled() -> Any:
    try:
        return importlib.import_module("._fast", __package__)
    except ImportError:
        return None


#: The compiled module, or None.
fast = _compiled()
