"""Signed notes: a text, and lines under it by which known keys say that they stand for it.

The format is c2sp.org/signed-note. A note is its text, which ends in a newline; an empty line; and a line for each
signature, which begins with an em dash::

    This is an example message.

    — example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=

    signature line = "— " name " " base64(key id || signature) "\\n"
    key id         = SHA-256(name || "\\n" || kind || public key), its first four bytes
    vkey           = name "+" hex(key id) "+" base64(kind || public key)             what a verifier is given
    signer key     = "PRIVATE+KEY+" name "+" hex(key id) "+" base64(kind || seed)    what a signer keeps

Two kinds of key, both Ed25519 (RFC 8032): kind 0x01 signs the text. Kind 0x04 (c2sp.org/tlog-cosignature) signs that it
saw the text at a time, in Unix seconds; its signature is ``time (8 bytes, big endian) || Ed25519 signature`` over
``"cosignature/v1\\ntime " time "\\n"`` and the text.

Signatures by unknown keys say nothing and are passed over; a wrong one by a known key makes the note worthless.

>>> note = parse_note("This is an example message.\\n\\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONn"
...     "cAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\\n")
>>> check_note(note, parse_vkey("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"))
True
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256

__all__ = [
    "PLAIN",
    "TIMED",
    "Note",
    "Signature",
    "SignerKey",
    "VerifierKey",
    "check_note",
    "decode",
    "encode",
    "format_note",
    "format_signer",
    "format_vkey",
    "new_signer",
    "parse_note",
    "parse_signer",
    "parse_vkey",
    "sign_note",
    "signed_time",
]

#: The kinds of key: one signs a text, the other that it saw the text at a time.
PLAIN, TIMED = 1, 4
_MARK = "PRIVATE+KEY+"
_NOTE_MAX, _SIGNATURES_MAX = 1_000_000, 100
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_LINE = re.compile(r"— (\S+) ([A-Za-z0-9+/]+={0,2})\Z")


@dataclass(frozen=True, slots=True)
class Signature:
    """One line under a note. ``value``: what follows the four bytes of the key's id."""

    name: str
    key_id: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A text, with its last newline, and what was signed under it."""

    text: str
    signatures: tuple[Signature, ...]


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """The public half of a key, 32 bytes. Whoever verifies has it from elsewhere than the note.

    :raises ValueError: for a name with a space or a plus, or a key that is none.
    """

    name: str
    kind: int
    public: bytes

    def __post_init__(self) -> None:
        _check_key(self.name, self.kind, self.public)

    @property
    def key_id(self) -> bytes:
        """What a signature line names the key by, beside its name."""
        return sha256(f"{self.name}\n".encode() + bytes([self.kind]) + self.public).digest()[:4]


@dataclass(frozen=True, slots=True)
class SignerKey:
    """The private half: an Ed25519 seed, which is never shown."""

    name: str
    kind: int
    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        _check_key(self.name, self.kind, self.seed)

    @property
    def verifier(self) -> VerifierKey:
        """The public half."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        private = Ed25519PrivateKey.from_private_bytes(self.seed)
        return VerifierKey(self.name, self.kind, private.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of an Ed25519 signature."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(message)


def format_note(note: Note) -> str:
    """A note's text and signature lines."""
    return note.text + "\n" + "".join(map(_format_signature, note.signatures))


def parse_note(raw: str) -> Note:
    """The parts of a signed note; nothing is verified yet.

    :raises ValueError: if it is none.
    """
    text, empty, lines = raw.rpartition("\n\n")
    signatures = lines.split("\n")
    if len(raw) > _NOTE_MAX or not empty or not text or _CONTROL.search(raw) or signatures.pop() != "":
        raise ValueError("not a signed note")
    if not 0 < len(signatures) <= _SIGNATURES_MAX:
        raise ValueError(f"not a signed note: 1 to {_SIGNATURES_MAX} signatures")
    return Note(text + "\n", tuple(map(_parse_signature, signatures)))


def format_vkey(key: VerifierKey) -> str:
    """A verifier key as text."""
    return f"{key.name}+{key.key_id.hex()}+{encode(bytes([key.kind]) + key.public)}"


def parse_vkey(text: str) -> VerifierKey:
    """The verifier key in a text.

    :raises ValueError: if it is none, or of a kind that is not known.
    """
    name, kind, material, key_id = _parse_key(text)
    key = VerifierKey(name, kind, material)
    if key.key_id != key_id:
        raise ValueError(f"not a verifier key: the id of {name} is {key.key_id.hex()}")
    return key


def format_signer(key: SignerKey) -> str:
    """A signer key as text, which is to be kept secret."""
    return f"{_MARK}{key.name}+{key.verifier.key_id.hex()}+{encode(bytes([key.kind]) + key.seed)}"


def parse_signer(text: str) -> SignerKey:
    """The signer key in a text.

    :raises ValueError: if it is none; the text is not quoted.
    """
    if not text.startswith(_MARK):
        raise ValueError("not a signer key")
    name, kind, material, key_id = _parse_key(text.removeprefix(_MARK))
    key = SignerKey(name, kind, material)
    if key.verifier.key_id != key_id:
        raise ValueError("not a signer key: its id is that of another")
    return key


def new_signer(name: str, kind: int, seed: bytes) -> SignerKey:
    """A signer key from 32 random bytes.

    :raises ValueError: for a name with a space or a plus.
    """
    return SignerKey(name, kind, seed)


def sign_note(text: str, key: SignerKey, time: int | None = None) -> Signature:
    """A signature under a text; a key of the timed kind signs the time, Unix seconds, with it."""
    if key.kind == TIMED:
        if time is None or not 0 <= time < 1 << 63:
            raise ValueError("a key of this kind signs a time")
        value = time.to_bytes(8) + key.sign(_timed(text, time))
    else:
        value = key.sign(text.encode())
    return Signature(key.name, key.verifier.key_id, value)


def check_note(note: Note, key: VerifierKey) -> bool:
    """Whether a key has signed a note.

    :raises ValueError: if there is a signature under its name and id that it did not make.
    """
    return bool([*_checked(note, key)])


def signed_time(note: Note, key: VerifierKey) -> int | None:
    """When a key of the timed kind says that it saw the note, in Unix seconds; the last time, if there are several.

    :raises ValueError: if there is a signature under its name and id that it did not make.
    """
    return max((int.from_bytes(signature.value[:8]) for signature in _checked(note, key)), default=None)


def encode(data: bytes) -> str:
    """Base64 (RFC 4648, 4)."""
    return b64encode(data).decode()


def decode(text: str) -> bytes:
    """The bytes in base64, in its one spelling.

    :raises ValueError: for any other text.
    """
    try:
        data = b64decode(text, validate=True)
    except (Error, ValueError):
        raise ValueError("not base64") from None
    if encode(data) != text:
        raise ValueError("not base64: another spelling of it")
    return data


def _checked(note: Note, key: VerifierKey) -> Iterator[Signature]:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    for signature in note.signatures:
        if (signature.name, signature.key_id) != (key.name, key.key_id):
            continue
        value, message = signature.value, note.text.encode()
        if key.kind == TIMED:
            message, value = _timed(note.text, int.from_bytes(value[:8])), value[8:]
        try:
            Ed25519PublicKey.from_public_bytes(key.public).verify(value, message)
        except InvalidSignature:
            raise ValueError(f"the signature of {key.name} is wrong") from None
        yield signature


def _timed(text: str, time: int) -> bytes:
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def _format_signature(signature: Signature) -> str:
    return f"— {signature.name} {encode(signature.key_id + signature.value)}\n"


def _parse_signature(line: str) -> Signature:
    found = _LINE.match(line)
    if found is None or "+" in found[1]:
        raise ValueError("not a signature line")
    data = decode(found[2])
    if len(data) < 5:
        raise ValueError("not a signature line: too short")
    return Signature(found[1], data[:4], data[4:])


def _parse_key(text: str) -> tuple[str, int, bytes, bytes]:
    # The key's base64 may hold a plus, its name may not.
    name, *rest = text.strip().split("+", 2)
    if len(text) > 2000 or len(rest) != 2 or not re.fullmatch("[0-9a-f]{8}", rest[0]):
        raise ValueError("not a key: NAME+ID+BASE64")
    material = decode(rest[1])
    return name, material[0] if material else 0, material[1:], bytes.fromhex(rest[0])


def _check_key(name: str, kind: int, material: bytes) -> None:
    if not name or "+" in name or any(letter.isspace() or not letter.isprintable() for letter in name):
        raise ValueError("not a key: its name has no space and no plus")
    if kind not in (PLAIN, TIMED) or len(material) != 32:
        raise ValueError("not a key: its kind is 1 or 4, and it has 32 bytes")
