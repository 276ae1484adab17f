"""``consent services``: what the catalogue knows."""

from __future__ import annotations

import argparse
from typing import Any

from . import catalogue

__all__ = ["add_command"]


def add_command(commands: Any) -> None:
    """Add ``services``."""
    services = commands.add_parser(
        "services",
        help="list the known services",
        description="List the services that settings can name, with their usual purposes.",
    )
    services.add_argument(
        "word", nargs="?", default="", help="only those with this in their name, title, provider or hosts"
    )
    services.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    word = options.word.lower()
    found = [
        service
        for service in catalogue.load().values()
        if word in " ".join((service.name, service.title, service.provider, *service.hosts)).lower()
    ]
    for service in found:
        print(f"{service.name:24}{', '.join(service.purposes):24}{service.title} ({service.provider})")
    if not found:
        print("There is no such service in the catalogue; declare one of your own, with its hosts and purposes.")
    return 0 if found else 5
