"""A value that only this site can have made: JSON, signed, in one spelling.

Made by :class:`itsdangerous.URLSafeSerializer` with SHA-256: base64url JSON, a dot, an HMAC. The salt names what the
value is for and its format; a value of another salt is none.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from typing import Any

from itsdangerous import BadData, URLSafeSerializer
from itsdangerous.encoding import base64_decode, base64_encode

__all__ = ["MAX_SIZE", "Signed"]

#: Bytes of a value; browsers keep no cookie whose name and value are longer together (RFC 6265bis, 5.7).
MAX_SIZE = 4000


class Signed:
    """Signs and checks values. ``keys``: the first signs, all verify."""

    def __init__(self, keys: Sequence[bytes], *, salt: str) -> None:
        self._serializer = URLSafeSerializer(
            list(reversed(keys)),  # itsdangerous signs with the last
            salt=salt,
            signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
        )

    def dumps(self, content: object) -> str:
        """The signed value of what JSON can hold."""
        value: str | bytes = self._serializer.dumps(content)
        return value if isinstance(value, str) else value.decode()

    def loads(self, value: str) -> Any:
        """What a value holds; None for whatever is not one of ours. Never raises."""
        if len(value) > MAX_SIZE:
            return None
        try:
            return self._serializer.loads(value)
        except (BadData, ValueError, RecursionError):
            return None

    def spells(self, value: str, content: object) -> bool:
        """Whether a value that was read is how we write that content: JSON and base64 know several spellings.

        Long ones are compressed, which each host's zlib may do in its own way; what was compressed is compared.
        """
        payload, _, signature = value.rpartition(".")
        canonical = base64_encode(base64_decode(signature)).decode()
        return signature == canonical and _text(payload) == _text(self.dumps(content).rpartition(".")[0])


def _text(payload: str) -> bytes:
    """The JSON that a payload holds, compressed if it begins with a dot (itsdangerous, URLSafeSerializerMixin)."""
    content = base64_decode(payload.removeprefix("."))
    return zlib.decompress(content) if payload.startswith(".") else content
