"""``manage.py check`` names each mistake, by its id and with what to do about it, and says nothing of a site that is right."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from djangos import CONSENT, FETCH, UPDATE, serve

LINES = """
INSTALLED_APPS += ["consent.django"]
MIDDLEWARE = ["consent.django.ConsentMiddleware", *MIDDLEWARE]
CONSENT = {"services": ["google-analytics", "youtube"], "privacy_url": "/privacy"}
"""
GZIP = "django.middleware.gzip.GZipMiddleware"
SECURITY, COMMON = "django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"
CSP = "csp.middleware.CSPMiddleware"
Told = dict[str, str]


def check(*, deploy: bool = False, middleware: Any = (CONSENT,), consent: Any = None, **settings: Any) -> Told:
    """What the checks say, by id. Every message has a hint."""
    from django.core.checks import run_checks
    from django.test.utils import override_settings

    serve(lambda request: None)
    mapping = {"services": ["youtube"], "privacy_url": "/privacy", "log": "sqlite:////tmp/consent.db"}
    override_settings(MIDDLEWARE=list(middleware), CONSENT={**mapping, **(consent or {})}, **settings).enable()
    messages = run_checks(tags=["consent"], include_deployment_checks=deploy)
    assert all(message.hint for message in messages)
    return {str(message.id): message.msg for message in messages}


def test_a_site_that_is_right_hears_nothing() -> None:
    assert check(deploy=True) == {}
    assert check(middleware=[SECURITY, GZIP, CONSENT, COMMON], deploy=True) == {}
    assert check(middleware=[UPDATE, FETCH, CONSENT], consent={"cache": "shared"}, deploy=True) == {}
    assert check(middleware=[CONSENT, UPDATE, FETCH], deploy=True) == {}


@pytest.mark.parametrize(
    ("consent", "number", "said"),
    [
        ({"regime": "opt_in"}, "E001", "CONSENT.regime: unknown regime; got 'opt_in'; did you mean 'opt-in'?"),
        ({"colour": "red"}, "E001", "colour"),
        ({"services": ["yuotube"]}, "E003", "did you mean 'youtube'?"),
        ({"secret_key": "short"}, "E002", "at least 16 bytes"),
        ({"log": "django:archive"}, "E001", "there is no such database; got 'archive'"),
        ({"log": "django"}, "E001", "cannot be kept in a database of this kind"),
        ({"services": []}, "W002", "visitors are not asked"),
        ({"cookie_name": "sessionid"}, "E010", "'sessionid'"),
        ({"services": {"hub": {"purposes": ["marketing"], "cookies": ["csrftoken"]}}}, "W003", "services.hub"),
        ({"log": "sqlite:////no/such/folder/consent.db"}, "E009", "'/no/such/folder'"),
    ],
)
def test_the_mapping(consent: dict[str, Any], number: str, said: str) -> None:
    told = check(consent=consent)
    assert list(told) == [f"consent.{number}"]
    assert said in told[f"consent.{number}"]


def test_a_log_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)  # who runs the tests may write everywhere
    told = check()
    assert list(told) == ["consent.W006"]
    assert "'/tmp/consent.db'" in told["consent.W006"]


@pytest.mark.parametrize("setting", ["MEDIA_ROOT", "STATIC_ROOT"])
def test_a_log_among_the_files_that_anybody_may_have(setting: str) -> None:
    assert list(check(**{setting: "/tmp"})) == ["consent.W007"]
    assert check(**{setting: "/tmp/other"}) == {}


@pytest.mark.parametrize("key", ["", "changeme", "django-secret-key-change-me"])
def test_a_key_that_is_missing_or_can_be_guessed(key: str) -> None:
    assert list(check(SECRET_KEY=key)) == ["consent.E002"]


@pytest.mark.parametrize(
    ("middleware", "number", "said"),
    [
        ([COMMON], "E004", "nothing is held"),
        ([CONSENT, COMMON, CONSENT], "E005", "twice"),
        ([CSP, CONSENT], "E008", "without its nonce"),
        ([SECURITY, COMMON, CONSENT], "W001", COMMON),
        ([CONSENT, GZIP], "I001", "compressed again"),
        ([UPDATE, FETCH, CONSENT], "E007", "passes no gate"),
        ([UPDATE, CONSENT, FETCH], "E007", "gated again"),
    ],
)
def test_the_order_of_middleware(middleware: list[str], number: str, said: str) -> None:
    told = check(middleware=middleware)
    assert list(told) == [f"consent.{number}"]
    assert said in told[f"consent.{number}"]


def test_middleware_made_from_another_counts_as_it() -> None:
    assert list(check(middleware=[f"{__name__}.OwnFetch", f"{__name__}.Own"])) == ["consent.E007"]


def __getattr__(name: str) -> Any:
    """Subclasses of a site's own, made when Django asks for them: its modules want settings first."""
    if name == "Own":
        from consent.django import ConsentMiddleware

        return type("Own", (ConsentMiddleware,), {})
    if name == "OwnFetch":
        from django.middleware.cache import FetchFromCacheMiddleware

        return type("OwnFetch", (FetchFromCacheMiddleware,), {})
    raise AttributeError(name)


@pytest.mark.parametrize("setting", ["WSGI_APPLICATION", "ASGI_APPLICATION"])
def test_a_site_that_is_wrapped_as_well(setting: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    door = setting[:4].lower()
    (tmp_path / "wrapped.py").write_text(f"from consent.{door} import ConsentMiddleware\nraise SystemExit('was run')\n")
    monkeypatch.syspath_prepend(tmp_path)
    told = check(**{setting: "wrapped.application"})
    assert list(told) == ["consent.E006"]
    assert "gated twice" in told["consent.E006"]
    assert list(check(**{setting: "wrapped.application"}, middleware=[COMMON])) == ["consent.E006", "consent.E004"]


def test_templates_of_pages_that_are_nobodys_but_ask_for_the_visitor(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text('{% load consent %}{% if request.consent|allows:"analytics" %}hello{% endif %}')
    (tmp_path / "other.html").write_text("{% load consent %}{% consent_settings_link %}")
    context = {"context_processors": ["django.template.context_processors.request"]}
    engine = {"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [tmp_path], "OPTIONS": context}
    told = check(consent={"cache": "shared"}, TEMPLATES=[engine])
    assert list(told) == ["consent.W005"]
    assert told["consent.W005"].endswith(": page.html")
    assert check(TEMPLATES=[engine]) == {}


def test_templates_that_do_not_know_their_request() -> None:
    engine = {"BACKEND": "django.template.backends.django.DjangoTemplates"}
    assert list(check(TEMPLATES=[engine])) == ["consent.W004"]


@pytest.mark.parametrize(
    ("settings", "number"),
    [
        ({"consent": {"log": "sqlite://"}}, "W020"),
        ({"consent": {"log": "sqlite:///consent.db"}}, "W021"),
        ({"DEBUG": True}, "W022"),
        ({"consent": {"privacy_url": ""}}, "W023"),
    ],
)
def test_what_only_visitors_would_mind_is_said_of_a_deployment(settings: dict[str, Any], number: str) -> None:
    assert check(**settings) == {}
    assert list(check(**settings, deploy=True)) == [f"consent.{number}"]


# A project as Django makes it


Manage = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def manage(tmp_path_factory: pytest.TempPathFactory) -> Manage:
    """Run ``manage.py`` of a project that ``django-admin startproject`` made, with lines added to its settings."""
    folder = tmp_path_factory.mktemp("project")
    _run(folder, "-m", "django", "startproject", "mysite", str(folder))
    settings = folder / "mysite" / "settings.py"
    made = settings.read_text()

    def manage(lines: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        settings.write_text(made + lines)
        return _run(folder, "manage.py", *arguments)

    return manage


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # -B: settings that are written twice within a second have the same compiled file.
    command = [sys.executable, "-B", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_three_lines_in_a_new_project_are_enough(manage: Manage) -> None:
    checked = manage(LINES, "check")
    assert checked.stdout == "System check identified no issues (0 silenced).\n"
    page = "from django.test import Client; print(Client(headers={'host': 'localhost'}).get('/_consent/settings'))"
    assert 'status_code=200, "text/html; charset=utf-8"' in manage(LINES, "shell", "-c", page).stdout


def test_a_wrong_setting_is_told_by_check_and_not_by_a_traceback(manage: Manage) -> None:
    told = manage(LINES.replace("youtube", "yuotube"), "check")
    assert told.returncode == 1
    assert "?: (consent.E003) CONSENT.services: unknown service; got 'yuotube'; did you mean 'youtube'?" in told.stderr
    assert "HINT:" in told.stderr
    assert "Traceback" not in told.stderr


def test_middleware_without_its_app_is_an_error_that_says_so(manage: Manage) -> None:
    without = LINES.replace('INSTALLED_APPS += ["consent.django"]', "")
    told = manage(without, "shell", "-c", "from django.core.handlers.wsgi import WSGIHandler; WSGIHandler()")
    assert 'add "consent.django" to INSTALLED_APPS' in told.stderr
