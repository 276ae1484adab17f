"""``consent migrate django-cookie-consent`` on a Django project that has the real package, its models and its migrations."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from consent.policy.settings import read_settings

Run = Callable[..., subprocess.CompletedProcess[str]]

SETTINGS = """
from pathlib import Path
SECRET_KEY = "for-a-project-of-the-tests-and-no-other"
ALLOWED_HOSTS = ["www.shop.example"]
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "cookie_consent"]
DATABASES = {
    name: {"ENGINE": "django.db.backends.sqlite3", "NAME": Path(__file__).with_name(f"{name}.sqlite3")}
    for name in ("default", "empty")
}
USE_TZ = True
"""
FILL = """
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from cookie_consent.models import Cookie, CookieGroup, LogItem
from cookie_consent.processor import CookiesProcessor
from django.http import HttpRequest, HttpResponse
for varname, required, names in [
    ("required", True, ["sessionid", "csrftoken"]),
    ("statistics", False, ["_ga", "_ga_*"]),
    ("Reading_Study", False, ["_rs"]),
]:
    group = CookieGroup.objects.create(varname=varname, name=varname, description="For this.", is_required=required)
    Cookie.objects.bulk_create(Cookie(cookiegroup=group, name=name) for name in names)
optional = CookieGroup.objects.filter(is_required=False).order_by("pk")
accepted, refused = HttpResponse(), HttpResponse()
CookiesProcessor(HttpRequest(), accepted).process(optional, action="accept")
CookiesProcessor(HttpRequest(), refused).process(optional[:1], action="decline")
from pathlib import Path
for name, answer in {"accepted": accepted, "refused": refused}.items():
    Path(name).write_text(answer.cookies["cookie_consent"].OutputString().partition(";")[0])
"""


_PATH = os.environ["PYTHONPATH"].split(os.pathsep) if "PYTHONPATH" in os.environ else []


def _environ(**variables: str) -> dict[str, str]:
    return {**{name: os.environ[name] for name in ("PATH", "PYTHONPATH", "HOME") if name in os.environ}, **variables}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's folder, its database filled by the package itself."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "shop_settings.py").write_text(SETTINGS)
    subprocess.run(
        [sys.executable, "-c", FILL], cwd=folder, env=_environ(DJANGO_SETTINGS_MODULE="shop_settings"), check=True
    )
    return folder


@pytest.fixture
def project(filled: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(filled, tmp_path / "project"))


@pytest.fixture
def run(project: Path) -> Run:
    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-W", "error", "-m", "consent.cli", "migrate", "django-cookie-consent", *arguments],
            cwd=project, env=_environ(**{"DJANGO_SETTINGS_MODULE": "shop_settings", **variables}),
            capture_output=True, encoding="utf-8", check=False,
        )  # fmt: skip

    return run


def test_what_it_prints_is_the_sites_settings(run: Run) -> None:
    done = run()
    assert done.returncode == 0, done.stderr
    assert "3 rows of its log left where they are; --archive FILE keeps them" in done.stderr
    said: dict[str, Any] = {}
    exec(done.stdout, said)
    settings = read_settings(said["CONSENT"], keys=["a key for the settings of this test"])
    assert settings.policy.optional == ("analytics", "reading-study")
    assert {service.name: service.purposes for service in settings.policy.services} == {
        "required": ("necessary",),
        "google-analytics": ("analytics",),
        "reading-study": ("reading-study",),
    }
    assert settings.moved_from is not None
    assert settings.moved_from.groups["statistics"] == ("analytics",)
    assert tomllib.loads(run("--format", "toml").stdout) == said["CONSENT"]


MOVED = """
from optout import *
from printed import CONSENT
INSTALLED_APPS = ["consent.django"]
MIDDLEWARE = ["consent.django.ConsentMiddleware"]
ROOT_URLCONF = "moved"
from django.http import HttpResponse
from django.urls import path
PAGE = '<!doctype html><html><body><script async src="https://www.google-analytics.com/analytics.js"></script>'
urlpatterns = [path("", lambda request: HttpResponse(PAGE))]
"""
VISIT = """
import json, sys
from pathlib import Path
import django
django.setup()
from django.test import Client
said = {}
for name in ("nobody", "accepted", "refused"):
    cookie = Path(name).read_text() if name != "nobody" else ""
    page = Client().get("/", headers={"host": "www.shop.example", "cookie": cookie}).content.decode()
    said[name] = ['<script async src=' in page, 'value="accept"' in page or 'value="refuse"' in page]
print(json.dumps(said))
"""


def test_the_site_runs_with_them_and_honours_what_was_refused_before(run: Run, project: Path) -> None:
    """From the cookie that the package wrote to the page that this library lets out, where all runs until it is refused."""
    (project / "optout.py").write_text("from shop_settings import *\nCOOKIE_CONSENT_OPT_OUT = True\n")
    (project / "printed.py").write_text(run("--settings", "optout").stdout)
    (project / "moved.py").write_text(MOVED)
    done = subprocess.run(
        [sys.executable, "-c", VISIT], cwd=project, env=_environ(DJANGO_SETTINGS_MODULE="moved"),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    # Whether the tracker runs, and whether the visitor is asked.
    assert json.loads(done.stdout) == {"nobody": [True, True], "accepted": [True, True], "refused": [False, True]}


def test_settings_may_be_named_instead_of_being_in_the_environment(run: Run) -> None:
    assert run("--settings", "shop_settings", DJANGO_SETTINGS_MODULE="").stdout == run().stdout


def test_it_is_a_command_of_manage_py_too(run: Run, project: Path) -> None:
    (project / "both.py").write_text('from shop_settings import *\nINSTALLED_APPS += ["consent.django"]\n')
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "django", "consent", "migrate", "django-cookie-consent"],
        cwd=project, env=_environ(DJANGO_SETTINGS_MODULE="both", PYTHONPATH=os.pathsep.join([str(project), *_PATH])),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.stdout, done.returncode) == (run().stdout, 0), done.stderr


def test_the_log_is_archived_as_it_was_and_says_what_it_does_not_prove(run: Run, project: Path) -> None:
    done = run("--archive", "old.jsonl")
    assert done.returncode == 0, done.stderr
    written = (project / "old.jsonl").read_bytes()
    assert f"3 rows of its log in old.jsonl; the file's SHA-256 is {hashlib.sha256(written).hexdigest()}" in done.stderr
    first, *rows, last = map(json.loads, written.splitlines())
    assert (first["archive"], first["source"], first["version"]) == (
        "consent-import/v1",
        "django-cookie-consent",
        "1.0.0",
    )
    assert "Nobody signed them" in first["says"]
    assert [(row["row"], row["action"], row["group"]) for row in rows] == [
        (1, "accepted", "statistics"),
        (2, "accepted", "Reading_Study"),
        (3, "declined", "statistics"),
    ]
    assert all(row["at"].endswith("+00:00") and row["version"] for row in rows)
    (project / "tokyo.py").write_text("from shop_settings import *\nUSE_TZ, TIME_ZONE = False, 'Asia/Tokyo'\n")
    assert run("--settings", "tokyo", "--archive", "tokyo.jsonl").returncode == 0
    local = json.loads((project / "tokyo.jsonl").read_text().splitlines()[1])["at"]
    assert datetime.fromisoformat(rows[0]["at"]) - datetime.fromisoformat(local) == timedelta(hours=9)
    assert last == {"end": True, "rows": 3}
    # It is no part of this library's log, nor can it be taken for one.
    assert not (project / "consent.db").exists()


def test_an_archive_replaces_no_file(run: Run, project: Path) -> None:
    (project / "old.jsonl").write_text("kept")
    done = run("--archive", "old.jsonl")
    assert (done.stdout, done.returncode) == ("", 2)
    assert done.stderr == "consent: there is a file already; nothing was written; got 'old.jsonl'\n"
    assert (project / "old.jsonl").read_text() == "kept"


def _one_error(done: subprocess.CompletedProcess[str]) -> str:
    assert (done.stdout, done.returncode) == ("", 2)
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_without_settings_it_says_how_to_name_them(run: Run) -> None:
    assert "name them with --settings or DJANGO_SETTINGS_MODULE" in _one_error(run(DJANGO_SETTINGS_MODULE=""))
    assert "No module named 'shoop'" in _one_error(run("--settings", "shoop"))


def test_without_the_package_it_says_so(run: Run, project: Path) -> None:
    (project / "without.py").write_text("from shop_settings import *\nINSTALLED_APPS = INSTALLED_APPS[:-1]\n")
    assert "'cookie_consent' is not in INSTALLED_APPS" in _one_error(run("--settings", "without"))
    hidden = "import sys\nsys.modules['cookie_consent'] = None\nfrom shop_settings import *\n"
    (project / "hidden.py").write_text(hidden)
    assert "cookie_consent" in _one_error(run("--settings", "hidden"))


def test_without_its_tables_it_says_which_database_and_how_to_get_them(run: Run) -> None:
    error = _one_error(run("--database", "empty"))
    assert "cannot be read from the database 'empty'" in error
    assert "run manage.py migrate" in error
    assert "did you mean 'empty'" in _one_error(run("--database", "emty"))


def test_a_group_that_cannot_be_named_here_is_one_error_and_can_be_said(run: Run, project: Path) -> None:
    rename = "import django; django.setup(); from cookie_consent.models import CookieGroup as G; G.objects.filter(varname='statistics').update(varname='|=42')"
    subprocess.run(
        [sys.executable, "-c", rename], cwd=project, env=_environ(DJANGO_SETTINGS_MODULE="shop_settings"), check=True
    )
    assert "--purpose GROUP=PURPOSE; got '|=42'" in _one_error(run())
    assert "is not GROUP=PURPOSE" in run("--purpose", "analytics").stderr
