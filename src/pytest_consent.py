"""pytest's plugin: the fixtures ``consent_client`` and ``consent_log`` for the tests of a site. See docs/testing.md.

Beside the package, not in it: pytest loads it at every start, and it loads the library when a fixture is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from consent.testing import ConsentClient, ConsentLog


@pytest.fixture
def consent_log() -> Iterator[ConsentLog]:
    """The log of every site while a test runs: in memory, its ``records`` to assert on."""
    from consent.testing import memory_log

    with memory_log() as log:
        yield log


@pytest.fixture
def consent_client(request: pytest.FixtureRequest, consent_log: ConsentLog) -> ConsentClient:  # noqa: ARG001
    """A visitor of the site that the fixture ``client`` or ``app`` is of; ``consent_client(app)`` is one of another."""
    from consent.testing import ConsentClient

    return ConsentClient.later(lambda: _usual(request))


def _usual(request: pytest.FixtureRequest) -> Any:
    from consent.errors import ConsentError

    skipped: BaseException | None = None
    for name in ("client", "app"):
        try:
            return request.getfixturevalue(name)
        except pytest.FixtureLookupError:
            continue
        except pytest.skip.Exception as reason:  # pytest-django's, where there is no Django
            skipped = reason
    if skipped is not None:
        raise skipped
    raise ConsentError(
        "whose visitor? There is no fixture `client` or `app`: make one, or call consent_client(app_or_client)"
    )
