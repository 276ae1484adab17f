"""What the bakery promises its visitors, as tests: ``pytest examples/test_django_site.py``.

The fixtures ``consent_client`` and ``consent_log`` are the library's; the first is a visitor with pytest-django's
fixture ``client``.
"""

import django_site  # noqa: F401 - its settings; in a site of more files, DJANGO_SETTINGS_MODULE names them
import pytest

from consent.testing import assert_banner, assert_held, assert_no_banner, assert_no_trackers, assert_not_held


@pytest.mark.parametrize("path", ["/", "/loaf/rye", "/film", "/privacy"])
def test_nobody_is_counted_before_a_choice(consent_client, path):
    page = consent_client.get(path)
    assert_held(page, "google-analytics")
    assert_no_trackers(page)
    assert_banner(page)


def test_who_agrees_to_be_counted_is_shown_no_film(consent_client, consent_log):
    consent_client.grant("analytics")
    page = consent_client.get("/film")
    assert_not_held(page, "google-analytics")
    assert_held(page, "youtube")
    assert_no_banner(page)
    assert [record.granted for record in consent_log.records] == [("analytics",)]


def test_only_who_agreed_is_remembered_by_their_last_loaf(consent_client):
    consent_client.refuse().get("/loaf/rye")
    assert "Last time" not in consent_client.get("/").content.decode()
    consent_client.grant("preferences").get("/loaf/rye")
    assert "Last time" in consent_client.get("/").content.decode()


def test_who_changes_their_mind_is_left_alone(consent_client):
    consent_client.grant().withdraw()
    assert_no_trackers(consent_client.get("/film"))


def test_without_a_log_nobody_has_agreed(consent_client, consent_log):
    consent_log.available = False
    with pytest.raises(AssertionError, match="the log could not keep it"):
        consent_client.grant()
    assert_no_trackers(consent_client.get("/film"))
