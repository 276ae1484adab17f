"""What the site's database hears of the gate in Django: nothing of a page, one transaction of a decision."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

#: A site with its log in its own database, asked as a visitor would; prints what each request said to a database.
SITE = """
import json, sys
from pathlib import Path
import django
from django.conf import settings
from django.http import HttpResponse
from django.urls import path

PAGE = '<!doctype html><html><head><script src="https://www.google-analytics.com/analytics.js"></script></head><body>News'

def front(request):
    return HttpResponse(f"{PAGE} {request.consent.allows('analytics')}")

async def front_async(request):
    return front(request)

urlpatterns = [path("", front_async if "async" in sys.argv else front)]
settings.configure(
    SECRET_KEY="for-a-project-of-the-tests-and-no-other",
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["testserver"],
    INSTALLED_APPS=["consent.django"],
    MIDDLEWARE=["consent.django.ConsentMiddleware"],
    CONSENT={"services": ["google-analytics"], "log": "django", "decisions_per_minute": 0},
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": Path("site.sqlite3").absolute()}},
)
django.setup()

from asgiref.sync import async_to_sync
from django.core.management import call_command
from django.db.backends.signals import connection_created
from django.test import AsyncClient, Client

heard = []

def note(execute, sql, params, many, context):
    heard.append(sql)
    return execute(sql, params, many, context)

def listen(sender, connection, **_):  # to the log's own connections, too
    connection.execute_wrappers[:] = [note]

call_command("migrate", verbosity=0)
connection_created.connect(listen)
from django.db import connections
connections.close_all()

if "async" in sys.argv:
    client = AsyncClient()
    get, post = async_to_sync(client.get), async_to_sync(client.post)
else:
    client = Client()
    get, post = client.get, client.post

said = []
def asked(answer):
    said.append([answer.status_code, [*heard], "News True" in answer.content.decode()])
    heard.clear()

def decide(action):
    return post("/_consent/decision", f"action={action}", content_type="application/x-www-form-urlencoded")

decide("refuse")  # the first of a process looks whether the tables are there
client.cookies.clear()
heard.clear()
asked(get("/"))
for action in ("accept", "accept", "refuse"):
    asked(decide(action))
    asked(get("/"))
asked(get("/_consent/settings"))
print(json.dumps(said))
"""


@pytest.mark.parametrize("protocol", ["sync", "async"])
def test_a_page_costs_no_query_and_a_decision_one_transaction(tmp_path: Path, protocol: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SITE, protocol],
        cwd=tmp_path, env={**os.environ}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answers: list[tuple[int, list[str], bool]] = json.loads(done.stdout)
    before, accepted, counted, again, same, refused, quiet, settings = answers
    assert [status for status, _, _ in answers] == [200, 303, 200, 303, 200, 303, 200, 200]
    assert [allowed for _, _, allowed in (before, counted, same, quiet)] == [False, True, True, False]
    for _, statements, _ in (before, counted, same, quiet, settings):
        assert statements == []
    for _, statements, _ in (accepted, refused):
        said = [statement for statement in statements if not statement.startswith("PRAGMA")]
        assert [statement.partition(" (")[0] for statement in said] == [
            "BEGIN", "INSERT INTO consent_record", "INSERT INTO consent_pending"
        ]  # fmt: skip
    assert again[1] == [], "the log has it already"
