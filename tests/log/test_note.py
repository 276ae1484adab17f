"""Notes are those of C2SP: their published example, another's implementation of Ed25519, and each byte changed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.log.note import (
    PLAIN,
    TIMED,
    Note,
    SignerKey,
    check_note,
    decode,
    encode,
    format_note,
    format_signer,
    format_vkey,
    parse_note,
    parse_signer,
    parse_vkey,
    sign_note,
    signed_time,
)

#: The example in c2sp.org/signed-note.
PUBLISHED = """\
This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
"""
PUBLISHED_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"

SIGNER = SignerKey("example.org/log", PLAIN, bytes(range(32)))
CLOCK = SignerKey("example.org/log/clock", TIMED, bytes(range(32, 64)))
TEXT = "Où?\n\nà côté\n"
TIME = 1_795_000_000
NOTE = Note(TEXT, (sign_note(TEXT, SIGNER), sign_note(TEXT, CLOCK, TIME)))
RAW = format_note(NOTE)


def test_the_published_example_checks() -> None:
    note, key = parse_note(PUBLISHED), parse_vkey(PUBLISHED_KEY)
    assert check_note(note, key)
    assert (format_note(note), format_vkey(key)) == (PUBLISHED, PUBLISHED_KEY)


def test_every_changed_letter_of_the_published_example_is_refused() -> None:
    key = parse_vkey(PUBLISHED_KEY)
    for at, letter in enumerate(PUBLISHED):
        for other in (chr(ord(letter) ^ 1), ""):
            try:
                note = parse_note(PUBLISHED[:at] + other + PUBLISHED[at + 1 :])
                # A changed name or id is that of another key, which says nothing.
                assert not check_note(note, key)
            except ValueError:
                continue


def test_a_note_comes_back_and_both_kinds_of_key_check() -> None:
    assert parse_note(RAW) == NOTE
    assert check_note(NOTE, SIGNER.verifier)
    assert signed_time(NOTE, CLOCK.verifier) == TIME


def test_every_changed_byte_of_a_note_leaves_no_signature_that_checks() -> None:
    raw = RAW.encode()
    for at in range(len(raw)):
        changed = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
        try:
            note = parse_note(changed.decode())
            both = check_note(note, SIGNER.verifier) and signed_time(note, CLOCK.verifier) is not None
        except ValueError:
            continue
        assert not both


def test_a_changed_time_is_refused() -> None:
    signature = NOTE.signatures[1]
    later = (TIME + 60).to_bytes(8) + signature.value[8:]
    with pytest.raises(ValueError, match=r"the signature of example\.org/log/clock is wrong"):
        signed_time(Note(TEXT, (type(signature)(signature.name, signature.key_id, later),)), CLOCK.verifier)


def test_of_two_times_the_last_counts_and_a_key_that_did_not_sign_has_none() -> None:
    note = Note(TEXT, (NOTE.signatures[1], sign_note(TEXT, CLOCK, TIME + 9)))
    assert signed_time(note, CLOCK.verifier) == TIME + 9
    assert signed_time(Note(TEXT, NOTE.signatures[:1]), CLOCK.verifier) is None
    assert not check_note(note, SIGNER.verifier)


def test_a_key_of_another_kind_has_another_id_and_checks_nothing() -> None:
    plain = SignerKey(CLOCK.name, PLAIN, CLOCK.seed)
    assert plain.verifier.key_id != CLOCK.verifier.key_id
    assert not check_note(NOTE, plain.verifier)


@pytest.mark.parametrize("time", [None, -1, 1 << 63])
def test_a_clock_signs_a_time(time: int | None) -> None:
    with pytest.raises(ValueError, match="signs a time"):
        sign_note(TEXT, CLOCK, time)


@pytest.mark.parametrize(
    "raw",
    [
        "", "\n", "\n\n", "text\n", "text\n\n", RAW[:-1], RAW + "\n", RAW + "— a b\n", RAW.replace("\n\n—", "\n—"),
        RAW.replace("—", "-"), RAW.replace("— ", "—"), RAW.replace("example.org/log ", "example org "),
        RAW.replace("example.org/log ", "example+org "), RAW.replace("Où", "O\tù"), RAW.replace("Où", "O\x00ù"),
        RAW.replace("\n", "\r\n"), "t\n\n— a AAAAAA==\n", "t\n\n— a AAAAAAB=\n", "t\n\n— a !\n",
        "t\n\n" + "— a AAAAAAA=\n" * 101, "t" * 1_000_000 + "\n\n— a AAAAAAA=\n",
    ],
    ids=lambda raw: repr(raw[:24]) + str(len(raw)),
)  # fmt: skip
def test_what_is_no_note_is_refused(raw: str) -> None:
    with pytest.raises(ValueError):
        parse_note(raw)


def test_a_note_may_have_many_signatures_by_strangers() -> None:
    raw = RAW + "— stranger AAAAAAAA\n" * 16
    assert check_note(parse_note(raw), SIGNER.verifier)


@given(st.text())
def test_no_text_makes_the_parsers_fail_otherwise(text: str) -> None:
    for parse in (parse_note, parse_vkey, parse_signer):
        with pytest.raises(ValueError):
            parse(text)


def test_keys_come_back_and_a_signer_is_not_shown() -> None:
    for key in (SIGNER, CLOCK):
        assert parse_signer(format_signer(key)) == key
        assert parse_vkey(format_vkey(key.verifier)) == key.verifier
        assert key.seed.hex() not in repr(key)
        assert encode(key.seed) not in repr(key)


@pytest.mark.parametrize(
    "text",
    [
        "", "a+b", "a+530d903a+", PUBLISHED_KEY.replace("530d903a", "530d903b"), PUBLISHED_KEY.replace("foo", "bar"),
        PUBLISHED_KEY.replace("530d903a", "530D903A"), PUBLISHED_KEY[:-1] + "l", PUBLISHED_KEY + "AA==",
        PUBLISHED_KEY.replace("+Aek", "+Auk"), PUBLISHED_KEY.replace("example.com", "example com"), "x" * 3000,
    ],
    ids=lambda text: text[:50],
)  # fmt: skip
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_vkey(text)
    with pytest.raises(ValueError) as raised:
        parse_signer("PRIVATE+KEY+" + text)
    assert not text or text not in str(raised.value)


@pytest.mark.parametrize("text", ["YQ", "YQ=", "YR==", "YQ==\n", " YQ==", "Y-==", "é"])
def test_base64_has_one_spelling(text: str) -> None:
    assert decode("YQ==") == b"a"
    with pytest.raises(ValueError, match="not base64"):
        decode(text)


def test_openssl_verifies_a_signature(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = Ed25519PublicKey.from_public_bytes(SIGNER.verifier.public)
    (tmp_path / "key").write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    (tmp_path / "signature").write_bytes(NOTE.signatures[0].value)
    for text, good in ((TEXT, True), (TEXT + "x", False)):
        (tmp_path / "text").write_bytes(text.encode())
        command = "openssl pkeyutl -verify -pubin -inkey key -rawin -in text -sigfile signature"
        done = subprocess.run(command.split(), cwd=tmp_path, capture_output=True, check=False)
        assert (done.returncode == 0) is good
