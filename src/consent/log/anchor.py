"""Other people's word for a checkpoint, which the log's own keys cannot forge.

A *timestamp* (RFC 3161) is an authority's token over the SHA-256 of a checkpoint's signed note: it was there by then.
A *witness* (c2sp.org/tlog-witness) is somebody who remembers the last checkpoint of ours that it saw, lets itself be
shown that the new one goes on from it, and puts a line of its own under it: nobody was shown another history.
"""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from ..errors import ConfigurationError, LogUnavailable
from .checkpoint import Trust, check_checkpoint
from .note import Note, check_note, encode, parse_note

__all__ = ["TIMESTAMP", "WITNESS", "Anchor", "ask_authority", "ask_witness", "check_anchor", "with_witnesses"]

TIMESTAMP, WITNESS = "timestamp", "witness"
#: Seconds that another host has for its answer, and bytes that are read of it.
_PATIENCE = 20
_ANSWER_MAX = 100_000


class Anchor(NamedTuple):
    """A token for the checkpoint of a size: DER of a timestamp's response, or witnesses' signature lines."""

    size: int
    kind: str
    ts: int
    token: bytes


def check_anchor(anchor: Anchor, note: str, trust: Trust | None, authorities: bytes) -> None:
    """Check an anchor against the checkpoint that it is said to be of.

    A timestamp is checked where certificates of authorities are given, PEM; a witness's line where its key is trusted.

    :raises ValueError: if it vouches for something else, or for nothing.
    """
    if anchor.kind == TIMESTAMP:
        if authorities:
            _check_timestamp(anchor.token, note, authorities)
    elif anchor.kind == WITNESS:
        if trust is not None:
            signed = parse_note(note + anchor.token.decode())
            for key in trust.witnesses:
                check_note(signed, key)
    else:
        raise ValueError("of no known kind")


def with_witnesses(note: str, anchors: Sequence[Anchor]) -> str:
    """A signed note with its witnesses' lines under it."""
    return note + "".join(anchor.token.decode() for anchor in anchors if anchor.kind == WITNESS)


def ask_authority(url: str, note: str) -> bytes:
    """Ask a timestamp authority for its token over a signed note; the response as DER.

    :raises LogUnavailable: if it gives none, or one for something else.
    """
    client = _client()
    request = client.TimestampRequestBuilder(data=note.encode(), hash_algorithm=client.HashAlgorithm.SHA256).build()
    with _asking(url):
        answer = _post(url, request.as_bytes(), "application/timestamp-query")
        response = client.decode_timestamp_response(answer)
        if response.status != client.PKIStatus.GRANTED:
            raise ValueError(f"it refused: status {response.status}")
        if response.tst_info.message_imprint.message != request.message_imprint.message:
            raise ValueError("its token is for something else")
        if response.tst_info.nonce != request.nonce:
            raise ValueError("its token answers another question")
        return answer


def ask_witness(url: str, note: str, trust: Trust, old: int, prove: Callable[[int], Sequence[bytes]]) -> bytes:
    """Ask a witness to put its line under a checkpoint; the lines of those whose keys are trusted.

    ``old``: the size that it saw last, as far as we know; it says so if it was another. ``prove`` gives the consistency
    proof from a size.

    :raises LogUnavailable: if it does not.
    """
    checkpoint, _ = check_checkpoint(note, trust)
    with _asking(url):
        for _ in range(2):
            hashes = prove(old) if 0 < old < checkpoint.size else ()
            asked = f"old {old}\n{''.join(f'{encode(hashed)}{chr(10)}' for hashed in hashes)}\n{note}"
            try:
                answer = _post(f"{url.rstrip('/')}/add-checkpoint", asked.encode(), "text/plain").decode()
                break
            except urllib.error.HTTPError as error:
                with error:
                    seen = error.read(30).decode(errors="replace")
                if error.code != 409 or not re.fullmatch(r"[0-9]{1,18}\n", seen) or int(seen) > checkpoint.size:
                    raise
                old = int(seen)
        else:
            raise ValueError("it saw another checkpoint in between")
        signed = parse_note(note + answer)
        known = [key for key in trust.witnesses if check_note(signed, key)]
        ours = len(parse_note(note).signatures)
        lines = answer.splitlines(keepends=True)
        added = Note(signed.text, signed.signatures[ours:]).signatures
        kept = [
            line
            for line, signature in zip(lines, added, strict=True)
            if any((key.name, key.key_id) == (signature.name, signature.key_id) for key in known)
        ]
        if not kept:
            raise ValueError("none of its lines is by a key that is trusted")
        return "".join(kept).encode()


def _check_timestamp(token: bytes, note: str, authorities: bytes) -> None:
    from cryptography.x509 import load_pem_x509_certificates

    client = _client()
    builder = client.VerifierBuilder(roots=load_pem_x509_certificates(authorities))
    try:
        builder.build().verify_message(client.decode_timestamp_response(token), note.encode())
    except client.VerificationError as error:
        raise ValueError(f"the timestamp does not check: {error}") from error


def _client() -> Any:
    try:
        import rfc3161_client
    except ImportError as error:
        raise ConfigurationError(
            "timestamps need rfc3161-client: pip install 'cookie-consent[timestamp]'", path=("timestamp",)
        ) from error
    return rfc3161_client


def _post(url: str, content: bytes, media_type: str) -> bytes:
    request = urllib.request.Request(url, content, {"Content-Type": media_type})  # noqa: S310 - checked below
    with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:  # noqa: S310
        body: bytes = answer.read(_ANSWER_MAX)
    return body


@contextmanager
def _asking(url: str) -> Iterator[None]:
    if not url.startswith(("https://", "http://")):
        raise ConfigurationError("it is asked over HTTP", path=("url",), value=url)
    try:
        yield
    except (OSError, ValueError) as error:
        raise LogUnavailable(f"no word for the checkpoint from {url}: {error}") from error
