"""What the bakery promises its visitors, as tests: ``pytest examples/flask_factory``.

Each test has an app of its own, as the factory makes it.
"""

import logging

import pytest
from bakery import create_app

from consent.testing import assert_banner, assert_held, assert_no_trackers, assert_not_held


@pytest.fixture
def app():
    return create_app({"TESTING": True})


@pytest.mark.parametrize("path", ["/", "/loaf/rye", "/film", "/privacy", "/loaf/rubber"])
def test_nobody_is_counted_before_a_choice(consent_client, path):
    page = consent_client.get(path)
    assert_held(page, "google-analytics")
    assert_no_trackers(page)
    assert_banner(page)


def test_who_agrees_to_be_counted_is_thanked_in_the_foot_of_every_page(consent_client):
    consent_client.grant("analytics")
    for path in ("/", "/film", "/loaf/rubber"):
        page = consent_client.get(path)
        assert_not_held(page, "google-analytics")
        assert "Thank you for being counted." in page.text


def test_the_site_s_log_tells_of_a_decision_and_not_of_who_made_it(consent_client, consent_log, caplog):
    caplog.set_level(logging.INFO)
    consent_client.grant("analytics")
    assert "decided: custom, analytics" in caplog.text
    assert [record.granted for record in consent_log.records] == [("analytics",)]
