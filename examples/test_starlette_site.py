"""What the bakery promises its visitors, as tests: ``pytest examples/test_starlette_site.py``. Flask's has more."""

import pytest
from starlette_site import app as site

from consent.testing import assert_banner, assert_held, assert_no_trackers, assert_not_held


@pytest.fixture
def app():
    return site


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
    assert [record.granted for record in consent_log.records] == [("analytics",)]
