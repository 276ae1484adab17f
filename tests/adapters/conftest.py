"""Makes ``doors`` importable to the tests beside it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from doors import configure_django


@pytest.fixture(autouse=True)
def _django_s_settings_as_they_were() -> Iterator[None]:
    """Each door of Django's sets its own upon those of the door before; a thousand of them are too deep."""
    from django.conf import settings
    from django.core.signals import setting_changed

    configure_django()
    before: Any = settings._wrapped
    yield
    if settings._wrapped is not before:
        settings._wrapped = before
        for name in ("TEMPLATES", "CACHES", "LANGUAGE_CODE", "CONSENT"):  # Django remembers what it made of these
            setting_changed.send(sender=type(before), setting=name, value=getattr(before, name, None), enter=False)
