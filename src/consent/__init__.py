"""Cookie consent in the server: asked, held, signed and recorded.

The doors are modules of their own: :mod:`consent.wsgi`, :mod:`consent.asgi`, :mod:`consent.flask`,
:mod:`consent.django`.
Importing this package loads no framework, no database and no catalogue of services.
"""

from .errors import (
    ConfigurationError,
    ConsentError,
    InvalidRequest,
    LogUnavailable,
    NotAllowed,
    UnknownPurpose,
    UnknownService,
)
from .gate import Gate
from .policy.policy import Cookie, Policy, Purpose, Service
from .policy.regime import PRESETS, Regime
from .policy.settings import Settings, read_settings, read_toml
from .view import requires
from .visitor.decision import Decision, Visitor
from .visitor.signal import Signals

__all__ = [
    "PRESETS",
    "ConfigurationError",
    "ConsentError",
    "Cookie",
    "Decision",
    "Gate",
    "InvalidRequest",
    "LogUnavailable",
    "NotAllowed",
    "Policy",
    "Purpose",
    "Regime",
    "Service",
    "Settings",
    "Signals",
    "UnknownPurpose",
    "UnknownService",
    "Visitor",
    "read_settings",
    "read_toml",
    "requires",
]
