"""The door for Flask: ``consent = Consent(app)``, and every page is behind the gate.

::

    app.config["CONSENT"] = {"services": ["google-analytics", "youtube"], "privacy_url": "/privacy"}
    consent = Consent(app)  # or consent.init_app(app)

Views ask ``g.consent.allows("analytics")``; templates know the same as ``consent``. ``flask consent`` is the command
line, with the app's settings.
"""

from .extension import Consent, decision_recorded
from .page import requires

__all__ = ["Consent", "decision_recorded", "requires"]
