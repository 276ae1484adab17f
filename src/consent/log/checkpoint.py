"""What a log says of itself, signed: so many leaves, under this root, at this time; and proofs that hang on it.

A checkpoint is the note of c2sp.org/tlog-checkpoint, three lines without extensions, under the log's own name, its
*origin*. The log signs it twice: with its key, and with its clock, which is a key of the timed kind named
``origin/clock``; witnesses may add lines of theirs::

    example.org/consent
    3
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

    — example.org/consent Az3grlgtzPICa5OS8npVmf1Myq/…
    — example.org/consent/clock jWbPPwAAAABkGFDLEZMHwSRa…

A proof is the file of c2sp.org/tlog-proof: a leaf's index, the hashes beside its way to the root, and the checkpoint
that has the root. ``extra`` is what is needed to make the leaf; nothing vouches for it but that it makes the leaf::

    c2sp.org/tlog-proof@v1
    extra eyJ2IjoxfQ==
    index 2
    gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=

    example.org/consent
    3
    …

>>> parse_checkpoint("example.org/consent\\n0\\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\\n").size
0
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .note import (
    PLAIN,
    TIMED,
    Note,
    SignerKey,
    VerifierKey,
    check_note,
    decode,
    encode,
    format_note,
    new_signer,
    parse_note,
    parse_signer,
    parse_vkey,
    sign_note,
    signed_time,
)
from .tree import check_inclusion

__all__ = [
    "Checkpoint",
    "Proof",
    "Signer",
    "Trust",
    "check_checkpoint",
    "check_proof",
    "format_checkpoint",
    "format_proof",
    "parse_checkpoint",
    "parse_checkpoints",
    "parse_proof",
    "sign_checkpoint",
]

_HEADER = "c2sp.org/tlog-proof@v1\n"
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
#: A tree has no more levels than this, and so a proof no more hashes.
_HASHES_MAX = 63
_PROOF_MAX = 2_000_000
_NOTE = re.compile(r"(?:(?!— ).+\n){3}\n(?:— .+\n)+")
_NOTES = re.compile(rf"\n*(?:{_NOTE.pattern}\n*)+")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The first ``size`` leaves of the log ``origin`` have this root."""

    origin: str
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Proof:
    """That a leaf stands at an index. ``checkpoint`` is a signed note; ``extra`` says how the leaf is made."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str
    extra: bytes = b""


@dataclass(frozen=True, slots=True)
class Signer:
    """A log's two private keys: its own and its clock's."""

    log: SignerKey
    clock: SignerKey

    @classmethod
    def new(cls, origin: str, seed: bytes) -> Signer:
        """The keys of a new log, from 64 random bytes.

        :raises ValueError: for an origin with a space or a plus.
        """
        return cls(new_signer(origin, PLAIN, seed[:32]), new_signer(f"{origin}/clock", TIMED, seed[32:]))

    @classmethod
    def parse(cls, text: str) -> Signer:
        """The keys in a file, one a line.

        :raises ValueError: if they are not a log's key and its clock's.
        """
        keys = [parse_signer(line) for line in text.split()]
        if len(keys) != 2 or (keys[0].kind, keys[1].kind) != (PLAIN, TIMED) or keys[1].name != f"{keys[0].name}/clock":
            raise ValueError("not the keys of a log: a line for its key and one for its clock")
        return cls(*keys)

    @property
    def trust(self) -> Trust:
        """What verifies these keys' signatures."""
        return Trust((self.log.verifier, self.clock.verifier))


@dataclass(frozen=True, slots=True)
class Trust:
    """The keys that a verifier trusts: a log's, its clock's, and witnesses'. Old ones beside new ones after a change.

    :raises ValueError: unless exactly one log is named.
    """

    keys: tuple[VerifierKey, ...]

    def __post_init__(self) -> None:
        if len({key.name for key in self.keys if key.kind == PLAIN}) != 1:
            raise ValueError("not the keys of a log: one line, NAME+ID+BASE64, is the log's own")

    @classmethod
    def parse(cls, text: str) -> Trust:
        """The verifier keys in a file, one a line.

        :raises ValueError: if one is none, or not exactly one log is named.
        """
        return cls(tuple(parse_vkey(line) for line in text.split()))

    @property
    def origin(self) -> str:
        return next(key.name for key in self.keys if key.kind == PLAIN)

    @property
    def witnesses(self) -> tuple[VerifierKey, ...]:
        """The keys of others than the log."""
        return tuple(key for key in self.keys if key.kind == TIMED and key.name != f"{self.origin}/clock")

    @property
    def clocks(self) -> tuple[VerifierKey, ...]:
        return tuple(key for key in self.keys if key.name == f"{self.origin}/clock")


def format_checkpoint(checkpoint: Checkpoint) -> str:
    """The text that is signed."""
    return f"{checkpoint.origin}\n{checkpoint.size}\n{encode(checkpoint.root)}\n"


def parse_checkpoint(text: str) -> Checkpoint:
    """The checkpoint in a note's text.

    :raises ValueError: if it is none, or has extension lines, which our logs have not.
    """
    origin, *rest = text.split("\n")
    if not origin or len(rest) != 3 or rest[2] or not _NUMBER.fullmatch(rest[0]):
        raise ValueError("not a checkpoint: origin, size and root are a line each")
    root = decode(rest[1])
    if len(root) != 32:
        raise ValueError("not a checkpoint: a root has 32 bytes")
    return Checkpoint(origin, int(rest[0]), root)


def parse_checkpoints(text: str) -> list[str]:
    """The signed notes in a file of checkpoints, one behind the other, with or without empty lines between.

    :raises ValueError: if there is something else in it.
    """
    if not _NOTES.fullmatch(text):
        raise ValueError("not a file of checkpoints")
    return _NOTE.findall(text)


def sign_checkpoint(checkpoint: Checkpoint, signer: Signer, time: int) -> str:
    """The note by which a log says what it holds at a time (Unix seconds)."""
    text = format_checkpoint(checkpoint)
    return format_note(Note(text, (sign_note(text, signer.log), sign_note(text, signer.clock, time))))


def check_checkpoint(raw: str, trust: Trust) -> tuple[Checkpoint, int]:
    """The checkpoint in a signed note, and when the log's clock says it was made (Unix seconds).

    :raises ValueError: if the log's key or its clock's did not sign it, or if it is of another log.
    """
    note = parse_note(raw)
    checkpoint = parse_checkpoint(note.text)
    if checkpoint.origin != trust.origin:
        raise ValueError(f"it is of another log, {checkpoint.origin!r}, not of {trust.origin!r}")
    signed = [check_note(note, key) for key in trust.keys if key.kind == PLAIN]
    if not any(signed):
        raise ValueError("the log's key did not sign it")
    times = [time for key in trust.clocks if (time := signed_time(note, key)) is not None]
    if not times:
        raise ValueError("the log's clock did not sign it")
    return checkpoint, max(times)


def format_proof(proof: Proof) -> str:
    """A proof as a file."""
    extra = f"extra {encode(proof.extra)}\n" if proof.extra else ""
    hashes = "".join(f"{encode(hashed)}\n" for hashed in proof.hashes)
    return f"{_HEADER}{extra}index {proof.index}\n{hashes}\n{proof.checkpoint}"


def parse_proof(text: str) -> Proof:
    """The parts of a proof; nothing is verified yet.

    :raises ValueError: if it is none.
    """
    head, empty, checkpoint = text.partition("\n\n")
    lines = head.removeprefix(_HEADER).split("\n")
    if len(text) > _PROOF_MAX or not head.startswith(_HEADER) or not empty:
        raise ValueError("not a proof")
    extra = decode(lines.pop(0).removeprefix("extra ")) if lines[0].startswith("extra ") else b""
    word, _, number = lines.pop(0).partition(" ") if lines else ("", "", "")
    hashes = tuple(map(decode, lines))
    if word != "index" or not _NUMBER.fullmatch(number) or len(hashes) > _HASHES_MAX or {*map(len, hashes)} - {32}:
        raise ValueError("not a proof: an index and hashes of 32 bytes")
    proof = Proof(int(number), hashes, checkpoint, extra)
    if format_proof(proof) != text:
        raise ValueError("not a proof: another spelling of one")
    return proof


def check_proof(proof: Proof, leaf: bytes, trust: Trust) -> tuple[Checkpoint, int]:
    """The checkpoint that a proof hangs a leaf on, and its time (Unix seconds).

    :raises ValueError: if the log did not sign the checkpoint, or the leaf is not under its root.
    """
    checkpoint, time = check_checkpoint(proof.checkpoint, trust)
    if not check_inclusion(proof.index, checkpoint.size, leaf, proof.hashes, checkpoint.root):
        raise ValueError("the leaf is not under the root of the checkpoint")
    return checkpoint, time
