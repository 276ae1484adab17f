"""Django's name for the app; its label is ``consent``."""

from django.apps import AppConfig


class ConsentConfig(AppConfig):
    """``INSTALLED_APPS += ["consent.django"]``."""

    name = "consent.django"
    label = "consent"
    verbose_name = "Consent"
