"""What a scan found, written down: a page for people, and JSON, SARIF and JUnit for machines."""

from .machine import as_json, junit, sarif
from .page import html

__all__ = ["as_json", "html", "junit", "sarif"]
