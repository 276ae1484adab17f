"""For the tests of sites that use this library, and of the library itself.

pytest has the fixtures ``consent_client`` and ``consent_log`` once the library is installed::

    from consent.testing import assert_held, assert_no_trackers

    def test_nothing_is_counted_before_a_choice(consent_client):
        page = consent_client.get("/")
        assert_held(page, "google-analytics")
        assert_no_trackers(page)
"""

from .checks import assert_banner, assert_held, assert_no_banner, assert_no_trackers, assert_not_held
from .client import ConsentClient, NotSaved
from .store import ConsentLog, ListStore, memory_log

__all__ = [
    "ConsentClient",
    "ConsentLog",
    "ListStore",
    "NotSaved",
    "assert_banner",
    "assert_held",
    "assert_no_banner",
    "assert_no_trackers",
    "assert_not_held",
    "memory_log",
]
