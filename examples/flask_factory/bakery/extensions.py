"""The site's extensions, each made once and given to every app that the factory makes."""

from typing import Any

from flask import Flask

from consent.flask import Consent, decision_recorded

consent = Consent()


def tell_decisions(app: Flask) -> None:
    """Say in the site's own log that somebody decided; who it was, nobody knows."""

    def tell(_app: Flask, *, record: Any) -> None:
        app.logger.info("decided: %s, %s", record.kind, ", ".join(record.granted) or "nothing")

    decision_recorded.connect(tell, app, weak=False)
