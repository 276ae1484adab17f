"""What the tests' sites have in common: their settings, and their databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cluster import Cluster

SETTINGS = {
    "services": ["google-analytics", "youtube"],
    "privacy_url": "/privacy",
    "policy": "2026-11",
    "log": "django",
}
APPS = ["admin", "auth", "contenttypes", "sessions", "messages", "staticfiles"]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
MIDDLEWARE = [
    "consent.django.ConsentMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]

#: The tables that tests fill.
FILLED = (
    *(f"consent_{name}" for name in ("record", "pending", "leaf", "node", "checkpoint", "head", "notice", "anchor")),
    "consent_slot",
    "auth_user",
    "django_session",
)


@contextmanager
def exchanged(databases: dict[str, Any]) -> Iterator[None]:
    """Django's databases, exchanged for others."""
    from django.db import connections

    from consent.django import reading

    def exchange(others: Any) -> None:
        connections.close_all()
        for alias in connections.settings:
            if hasattr(connections._connections, alias):  # type: ignore[attr-defined]
                delattr(connections._connections, alias)  # type: ignore[attr-defined]
        connections.__dict__.pop("settings", None)
        connections._settings = others  # type: ignore[attr-defined]

    before = connections._settings  # type: ignore[attr-defined]
    exchange(databases)
    reading._opened.cache_clear()
    try:
        yield
    finally:
        exchange(before)


def sqlite(path: Path) -> dict[str, Any]:
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": path}


def postgresql(cluster: Cluster, name: str) -> dict[str, Any]:
    return {"ENGINE": "django.db.backends.postgresql", "NAME": name, "HOST": str(cluster.folder), "USER": "owner"}
