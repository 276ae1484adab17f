"""A record in the words of ISO/IEC TS 27560:2023, as W3C's Data Privacy Vocabulary writes them in JSON-LD.

TS 27560 says what a consent record holds; DPV (https://w3id.org/dpv) gives names to it. What a record of ours does not
repeat, because it is the same for all that were shown the same words, is in the notice that it names by its hash:
controller, recipients, kinds of data, how long, and how to withdraw.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from .record import Record

__all__ = ["CONTEXT", "describe"]

CONTEXT = {
    "dpv": "https://w3id.org/dpv#",
    "dct": "http://purl.org/dc/terms/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "dct:created": {"@type": "xsd:dateTime"},
    "dct:valid": {"@type": "xsd:dateTime"},
    "dpv:isIndicatedAtTime": {"@type": "xsd:dateTime"},
    "dct:conformsTo": {"@type": "@id"},
    "dct:replaces": {"@type": "@id"},
    "dpv:hasConsentStatus": {"@type": "@id"},
    "dpv:hasDataSubject": {"@type": "@id"},
}
_SCHEMA = "https://w3id.org/dpv/schema/dpv-27560#record"


def describe(record: Record, leaf: str) -> dict[str, Any]:
    """One record; ``leaf`` is the hash by which the log vouches for it."""
    refused = "dpv:ConsentWithdrawn" if record.kind == "withdraw" else "dpv:ConsentRefused"
    states = [(purpose, "dpv:ConsentGiven") for purpose in record.granted]
    states += [(purpose, refused) for purpose in record.refused]
    described: dict[str, Any] = {
        "@id": _urn(record.id),
        "@type": "dpv:ConsentRecord",
        "dct:identifier": record.id,
        "dct:conformsTo": _SCHEMA,
        "dct:created": _time(record.ts),
        "dpv:isIndicatedAtTime": _time(record.ts),
        "dpv:hasIndicationMethod": f"{record.kind}: {record.surface}, {record.method}",
        "dpv:hasProcess": [
            {"@type": "dpv:Process", "dpv:hasPurpose": purpose, "dpv:hasConsentStatus": status}
            for purpose, status in states
        ],
        "dpv:hasNotice": {
            "@type": "dpv:ConsentNotice",
            "dct:identifier": record.notice,
            "dct:language": record.lang,
            "dct:hasVersion": record.policy,
        },
        "dpv:hasJurisdiction": record.regime,
        "dct:publisher": record.site,
        "dct:valid": _time(record.expires * 1000),
        "dct:provenance": f"sha256:{leaf}",
    }
    if record.kind == "void":
        described["dpv:hasConsentStatus"] = "dpv:ConsentInvalidated"
    if record.subject:
        described["dpv:hasDataSubject"] = _urn(record.subject)
    if record.prev:
        described["dct:replaces"] = _urn(record.prev)
    return described


def _urn(name: str) -> str:
    return f"urn:uuid:{name[:8]}-{name[8:12]}-{name[12:16]}-{name[16:20]}-{name[20:]}"


def _time(ms: int) -> str:
    try:
        return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (ValueError, OverflowError):  # a number that fits a record and no calendar
        return str(ms)
