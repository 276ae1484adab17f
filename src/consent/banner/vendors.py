"""The vendors' own switches: what their tags are told of a choice, as calls that the page's script makes.

A call is data, and JSON: how, to whom, with what. ``static/vendors.js`` makes them and knows no vendor::

    ["arguments", "dataLayer", ["consent", "default", {"ad_storage": "denied", …}]]   to a list, as its Arguments object
    ["push", "uetq", ["consent", "update", {"ad_storage": "granted"}]]                to a list, one by one
    ["call", "fbq", ["consent", "revoke"]]                                            of a function, once there is one
    ["method", "posthog", ["opt_out_capturing"]]                                      of a method, if it is there by now

Only declared services are told anything. Sources: developers.google.com/tag-platform/security/guides/consent,
learn.microsoft.com/clarity (Consent API v2), developers.facebook.com/docs/facebook-pixel/implementation/gdpr,
developer.matomo.org/guides/tracking-consent, and the libraries of PostHog, Mixpanel and Amplitude. What is known of
Microsoft UET (``uetq``) comes from consent platforms that write to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Literal, NamedTuple

from ..policy.policy import NECESSARY, Policy
from ..policy.settings import ConsentMode

__all__ = ["Call", "Told", "after", "before_tags", "server_fields", "with_told"]


class Call(NamedTuple):
    """One call of a vendor's own; see the module's text."""

    how: Literal["arguments", "push", "call", "method"]
    to: str
    args: tuple[Any, ...]


class Told(NamedTuple):
    """What a page that stands is told of a choice: ``now``, before anything wakes, and ``then``, when all is awake."""

    now: tuple[Call, ...]
    then: tuple[Call, ...]


class _Type(NamedTuple):
    """A kind of storage by the vendor's name: it follows the purposes of the services that it is about.

    Where none of these is declared, it follows ``purpose``; a purpose that the site does not have is not allowed.
    """

    name: str
    purpose: str
    services: tuple[str, ...] = ()


class _Switch(NamedTuple):
    """A vendor that knows yes and no. ``first``: told before it begins; ``late``: by methods, once it has begun."""

    service: str
    grant: Call
    deny: Call
    first: Call | None = None
    late: bool = False


_GOOGLE = ("google-analytics", "google-ads", "google-tag-manager")
_ADS = ("google-ads",)
_GOOGLE_TYPES = (
    _Type("ad_storage", "marketing", _ADS),
    _Type("ad_user_data", "marketing", _ADS),
    _Type("ad_personalization", "marketing", _ADS),
    _Type("analytics_storage", "analytics", ("google-analytics",)),
    _Type("functionality_storage", "preferences"),
    _Type("personalization_storage", "preferences"),
    _Type("security_storage", NECESSARY),
)
_UET = "bing-uet"
_UET_TYPES = (_Type("ad_storage", "marketing", (_UET,)),)
_CLARITY = "microsoft-clarity"
#: The capitals are the vendor's.
_CLARITY_TYPES = (_Type("ad_Storage", "marketing"), _Type("analytics_Storage", "analytics", (_CLARITY,)))

_SWITCHES = (
    _Switch(
        "meta-pixel",
        grant=Call("call", "fbq", ("consent", "grant")),
        deny=Call("call", "fbq", ("consent", "revoke")),
        first=Call("call", "fbq", ("consent", "revoke")),
    ),
    _Switch(
        "matomo",
        grant=Call("push", "_paq", (("setConsentGiven",),)),
        deny=Call("push", "_paq", (("forgetConsentGiven",),)),
        first=Call("push", "_paq", (("requireConsent",),)),
    ),
    _Switch(
        "posthog",
        grant=Call("method", "posthog", ("opt_in_capturing",)),
        deny=Call("method", "posthog", ("opt_out_capturing",)),
        late=True,
    ),
    _Switch(
        "mixpanel",
        grant=Call("method", "mixpanel", ("opt_in_tracking",)),
        deny=Call("method", "mixpanel", ("opt_out_tracking",)),
        late=True,
    ),
    _Switch(
        "amplitude",
        grant=Call("method", "amplitude", ("setOptOut", False)),
        deny=Call("method", "amplitude", ("setOptOut", True)),
        late=True,
    ),
)


def before_tags(policy: Policy, mode: ConsentMode, granted: frozenset[str], *, decided: bool) -> tuple[Call, ...]:
    """What is told first in a page, before any tag.

    Where the visitor has ``decided``, the default is no, and what was agreed to is an update; else the default is what
    holds without a decision.
    """
    declared = {service.name for service in policy.services}
    nothing = frozenset({NECESSARY})
    default = nothing if decided else granted
    calls: list[Call] = []
    if not declared.isdisjoint(_GOOGLE):
        values: dict[str, Any] = _values(policy, _GOOGLE_TYPES, default)
        if mode.advanced and mode.wait_for_update and not decided and "denied" in values.values():
            values["wait_for_update"] = mode.wait_for_update
        calls.append(_google("consent", "default", values))
        calls += [
            _google("set", name, True)
            for name, on in (("ads_data_redaction", mode.ads_data_redaction), ("url_passthrough", mode.url_passthrough))
            if on
        ]
        calls += _update(policy, granted, default)
    if _UET in declared:
        calls.append(Call("push", "uetq", ("consent", "default", _values(policy, _UET_TYPES, default))))
        if _values(policy, _UET_TYPES, granted) != _values(policy, _UET_TYPES, default):
            calls.append(_uet(policy, granted))
    if _CLARITY in declared:
        calls.append(_clarity(policy, granted))
    for switch in _declared(declared):
        if switch.first is not None:
            calls.append(switch.first)
            if _allowed(policy, granted, switch.service):
                calls.append(switch.grant)
    return tuple(calls)


def after(policy: Policy, granted: frozenset[str]) -> Told:
    """What a page that stands is told when this has been chosen. It may have been served under any other choice."""
    declared = {service.name for service in policy.services}
    now: list[Call] = []
    then: list[Call] = []
    if not declared.isdisjoint(_GOOGLE):
        now.append(_google("consent", "update", _values(policy, _GOOGLE_TYPES, granted)))
    if _UET in declared:
        now.append(_uet(policy, granted))
    if _CLARITY in declared:
        now.append(_clarity(policy, granted))
    for switch in _declared(declared):
        if not _allowed(policy, granted, switch.service):
            now.append(switch.deny)
        else:
            (then if switch.late else now).append(switch.grant)
    return Told(tuple(now), tuple(then))


def with_told(policy: Policy, mode: ConsentMode) -> Policy:
    """The policy by which a page is gated that is told first: in advanced mode, Google's scripts need not be held."""
    if not mode.advanced:
        return policy
    services = tuple(replace(each, told=True) if each.name in _GOOGLE else each for each in policy.services)
    return replace(policy, services=services)


def server_fields(policy: Policy, service: str, granted: frozenset[str]) -> dict[str, Any]:
    """What the vendor wants to be told in an event that the site's server sends: fields of the event.

    Google's Measurement Protocol takes two of the kinds that its tags know. Meta's Conversions API is told that nothing
    limits an event that may be sent: without consent it is not sent at all.
    """
    if service in _GOOGLE:
        values = _values(policy, _GOOGLE_TYPES, granted)
        return {"consent": {name: values[name].upper() for name in ("ad_user_data", "ad_personalization")}}
    return {"data_processing_options": []} if service == "meta-pixel" else {}


def _update(policy: Policy, granted: frozenset[str], default: frozenset[str]) -> Iterable[Call]:
    values = _values(policy, _GOOGLE_TYPES, granted)
    return [_google("consent", "update", values)] if values != _values(policy, _GOOGLE_TYPES, default) else []


def _google(*args: Any) -> Call:
    return Call("arguments", "dataLayer", args)


def _uet(policy: Policy, granted: frozenset[str]) -> Call:
    return Call("push", "uetq", ("consent", "update", _values(policy, _UET_TYPES, granted)))


def _clarity(policy: Policy, granted: frozenset[str]) -> Call:
    return Call("call", "clarity", ("consentv2", _values(policy, _CLARITY_TYPES, granted)))


def _declared(names: Iterable[str]) -> Iterable[_Switch]:
    return [switch for switch in _SWITCHES if switch.service in names]


def _allowed(policy: Policy, granted: frozenset[str], name: str) -> bool:
    return all(granted.issuperset(service.purposes) for service in policy.services if service.name == name)


def _values(policy: Policy, types: Iterable[_Type], granted: frozenset[str]) -> dict[str, str]:
    return {each.name: "granted" if granted >= _needed(policy, each) else "denied" for each in types}


def _needed(policy: Policy, kind: _Type) -> frozenset[str]:
    about = [service for service in policy.services if service.name in kind.services]
    return frozenset(name for service in about for name in service.purposes) or frozenset({kind.purpose})
