"""What a site declares: its names, its services, its version."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from consent.errors import UnknownPurpose
from consent.policy.policy import NECESSARY, Cookie, Policy, Purpose, Service
from consent.policy.settings import read_settings

KEY = "f3qH-0tXz9vLm2Ws8Kd1"
NEWS = {
    "services": {"youtube": {}, "study": {"purposes": ["research"], "hosts": ["study.example.org"], "provider": "We"}},
    "purposes": {"research": {"title": "Research", "text": "What is read."}},
}


def policy(**changes: Any) -> Policy:
    return read_settings({**NEWS, **changes}, keys=KEY).policy


def study(**changes: Any) -> dict[str, Any]:
    return {"youtube": {}, "study": {**NEWS["services"]["study"], **changes}}


SAME = {
    "services in another order": {"services": dict(reversed(NEWS["services"].items()))},
    "another title of a service": {"services": study(title="Study")},
    "another host": {"services": study(hosts=["study.example.com"])},
    "another snippet": {"services": study(snippets=["start("])},
    "another cookie": {"services": study(cookies=[{"name": "_s", "days": 3}])},
    "another storage key": {"services": study(storage=["_s"])},
    "other words for a purpose": {"purposes": {"research": {"title": "Science", "text": "Who reads."}}},
    "undeclared services": {"undeclared": "allow"},
    "another regime": {"regime": "us-ca"},
    "other words": {"texts": {"*": {"title": "Hello"}}},
    "another privacy page": {"privacy_url": "/p"},
    "a prefix": {"prefix": "/c/"},
}
OTHER = {
    "one service more": {"services": {**NEWS["services"], "vimeo": {}}},
    "one service less": {"services": {"study": NEWS["services"]["study"]}},
    "a service under another name": {"services": {"youtube": {}, "studies": NEWS["services"]["study"]}},
    "another provider": {"services": study(provider="They")},
    "another purpose of a service": {"services": study(purposes=["marketing"])},
    "one purpose more of a service": {"services": study(purposes=["research", "marketing"])},
    "one purpose more": {"purposes": {**NEWS["purposes"], "analytics": True}},
}


@pytest.mark.parametrize("changes", SAME.values(), ids=SAME)
def test_the_version_stays_with_what_consent_does_not_depend_on(changes: dict[str, Any]) -> None:
    assert policy(**changes).version == policy().version


@pytest.mark.parametrize("changes", OTHER.values(), ids=OTHER)
def test_the_version_changes_with_who_and_for_what(changes: dict[str, Any]) -> None:
    assert policy(**changes).version != policy().version


def test_a_version_of_the_sites_own_is_what_counts() -> None:
    assert policy(policy="2026-11").version == "2026-11"
    for changes in OTHER.values():
        assert policy(policy="2026-11", **changes).version == "2026-11"


def test_a_derived_version_is_short_and_the_same_in_every_process() -> None:
    made = Policy.of([Purpose(NECESSARY), Purpose("analytics")], [Service("s", provider="p", purposes=("analytics",))])
    facts = b'{"purposes": ["analytics", "necessary"], "services": [["s", "p", "analytics"]]}'
    assert made.version == hashlib.sha256(facts).hexdigest()[:12] == "d0a31c30bcbd"


def test_necessary_is_what_cannot_be_refused() -> None:
    assert policy().names == ("necessary", "marketing", "research")
    assert policy().optional == ("marketing", "research")
    assert policy().purpose("necessary").necessary


def test_the_services_of_a_purpose_are_all_that_need_it() -> None:
    made = policy(services={"youtube": {"purposes": ["preferences", "marketing"]}, "vimeo": {}})
    assert [service.name for service in made.services_for("marketing")] == ["youtube", "vimeo"]
    assert [service.name for service in made.services_for("preferences")] == ["youtube"]
    assert made.services_for("necessary") == ()


def test_a_purpose_that_a_policy_does_not_have_is_never_a_no() -> None:
    for ask in (policy().purpose, policy().services_for):
        with pytest.raises(UnknownPurpose, match="did you mean 'research'"):
            ask("reserch")


def test_undeclared_services_know_that_they_are() -> None:
    made = Policy.of([Purpose(NECESSARY)], undeclared=[Service("tracker")])
    assert [service.declared for service in made.undeclared] == [False]


def test_services_of_one_name_are_told_apart_by_all_that_they_are() -> None:
    one, other = Service("s", cookies=(Cookie("a"),)), Service("s", cookies=(Cookie("a", 3),))
    assert one != other
    assert hash(one) == hash(other)
    assert len({one, other, Service("s", cookies=(Cookie("a"),))}) == 2
