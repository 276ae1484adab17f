"""The addresses of the tests' site: its admin, and what a test puts into ``views``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.http import Http404
from django.urls import path

views: dict[str, Callable[[Any], Any]] = {}


def view(request: Any, name: str) -> Any:
    if name not in views:
        raise Http404
    return views[name](request)


urlpatterns = [path("admin/", admin.site.urls), path("<str:name>", view)]
