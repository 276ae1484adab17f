"""A bakery's website as larger Flask sites are made: a factory, blueprints, extensions, templates in files.

    python examples/flask_factory                       http://127.0.0.1:8000; PORT=8080 for another port
    gunicorn --chdir examples/flask_factory --workers 2 "bakery:create_app()"
    cd examples/flask_factory && flask --app bakery consent log list

The templates hold Google's and YouTube's tags as their vendors give them. Nothing of them leaves the server in a form
that runs before the visitor agreed.
"""

from collections.abc import Mapping
from typing import Any

from flask import Flask

from . import config, house, loaves
from .extensions import consent, tell_decisions


def create_app(changes: Mapping[str, Any] | None = None) -> Flask:
    """The site. ``changes`` to its settings, for tests."""
    app = Flask(__name__)
    app.config.from_object(config)
    app.config.from_prefixed_env("BAKERY")  # BAKERY_SECRET_KEY, BAKERY_CONSENT__log
    app.config.from_mapping(changes or {})
    consent.init_app(app)
    tell_decisions(app)
    app.register_blueprint(loaves.blueprint)
    app.register_blueprint(house.blueprint)
    return app
