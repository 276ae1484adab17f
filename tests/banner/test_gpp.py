"""IAB's GPP string, and what it says of a visitor in the United States."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.banner.gpp import USNAT, Fields, format_gpp, format_usnat, parse_gpp, parse_usnat
from consent.errors import InvalidGpp

VECTORS = json.loads((Path(__file__).parent / "vectors_gpp.json").read_text("utf-8"))
STRINGS = {vector["name"]: vector for vector in VECTORS["strings"]}
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def ids_of(text: str) -> list[int]:
    return [int(number) for number in text.split(",") if number]


def header(*ids: int) -> str:
    return format_gpp(dict.fromkeys(ids, "x")).partition("~")[0]


def bits(text: str) -> str:
    return "".join(f"{LETTERS.index(letter):06b}" for letter in text)


# The string


@pytest.mark.parametrize(("ids", "written"), VECTORS["header"].items())
def test_a_header_is_three_and_one_and_the_ids_as_the_reference_encoder_writes_them(ids: str, written: str) -> None:
    assert header(*ids_of(ids)) == written
    assert bits(written).startswith("000011000001")
    assert [*parse_gpp("~".join([written, *["x"] * len(ids_of(ids))]))] == ids_of(ids)


@pytest.mark.parametrize(("ids", "written"), VECTORS["spec"]["header"].items())
def test_a_header_is_read_whether_it_is_filled_up_to_sixes_or_to_bytes_first(ids: str, written: str) -> None:
    sections = ["x"] * len(ids_of(ids))
    assert header(*ids_of(ids)).startswith(written)
    for each in {written, header(*ids_of(ids))}:
        assert [*parse_gpp("~".join([each, *sections]))] == ids_of(ids)


@pytest.mark.parametrize(("ids", "written"), VECTORS["range"].items())
def test_ids_are_a_fibonacci_range_of_distances(ids: str, written: str) -> None:
    assert bits(header(*ids_of(ids)))[12:].startswith(written)


@pytest.mark.parametrize(("number", "written"), VECTORS["fibonacci"].items())
def test_a_distance_is_in_fibonacci_coding(number: str, written: str) -> None:
    assert bits(header(int(number)))[25:].startswith(written)
    assert parse_gpp(f"{header(int(number))}~x") == {int(number): "x"}


@pytest.mark.parametrize("text", [*VECTORS["spec"]["strings"], *(each["string"] for each in VECTORS["strings"])])
def test_sections_stand_in_the_order_of_their_ids_between_tildes(text: str) -> None:
    found = parse_gpp(text)
    assert [*found] == sorted(found)
    assert text.split("~")[1:] == [*found.values()]
    assert format_gpp(dict(reversed(found.items()))).split("~")[1:] == [*found.values()]


@pytest.mark.parametrize("name", ["gpp-usnat-optout-gpc", "gpp-usnat-not-opted-out", "gpp-uspv1-and-usnat"])
def test_the_section_for_the_united_states_is_read_as_the_reference_encoder_was_told(name: str) -> None:
    vector = STRINGS[name]
    core, gpc = parse_usnat(parse_gpp(vector["string"])[USNAT])
    expected = {**vector["usnat"]}
    assert gpc == {"SubsectionType": expected.pop("GpcSegmentType"), "Gpc": expected.pop("Gpc")}
    assert core == expected
    assert [*core] == [*expected], "in the order of the specification"
    written = format_usnat(core, gpc)
    assert written == vector["string"].split("~")[-1] + ("" if "." in vector["string"] else ".QA")


def sections() -> st.SearchStrategy[dict[int, str]]:
    ids = st.one_of(st.integers(1, 30), st.integers(1, 10_000))
    return st.dictionaries(ids, st.text(LETTERS + ".", min_size=1, max_size=20), max_size=12)


def two_bits(count: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, 2), min_size=count, max_size=count)


PLAIN = [name for name, value in STRINGS["gpp-usnat-optout-gpc"]["usnat"].items() if value in (0, 1, 2)][1:-2]


@given(sections())
def test_what_is_written_is_read_again(given_sections: dict[int, str]) -> None:
    text = format_gpp(given_sections)
    assert parse_gpp(text) == given_sections
    assert format_gpp(parse_gpp(text)) == text


@given(two_bits(len(PLAIN)), two_bits(16), two_bits(3), st.booleans())
def test_every_section_for_the_united_states_is_read_again(
    plain: list[int], sensitive: list[int], child: list[int], on: bool
) -> None:
    lists = {"SensitiveDataProcessing": sensitive, "KnownChildSensitiveDataConsents": child}
    fields: Fields = {"Version": 2, **dict(zip(PLAIN, plain, strict=True)), **lists}
    read = parse_usnat(format_usnat(fields, {"Gpc": on}))
    assert read == (fields, {"SubsectionType": 1, "Gpc": on})


GOOD = STRINGS["gpp-usnat-optout-gpc"]["string"]
BAD = {
    "nothing": ("", "cut off"),
    "no header": ("~CVQVAAAAAACA.YA", "cut off"),
    "another type": ("BBABLA~x", "no header of version 1"),
    "another version": ("DCABLA~x", "no header of version 1"),
    "no section": ("DBABLA", "not one section for each id"),
    "a section too many": (f"{GOOD}~x", "not one section for each id"),
    "an empty section": ("DBABLA~", "not one section for each id"),
    "a header that is cut": ("DBAB~x", "cut off"),
    "a group without its length": ("DBABz~x~y", "cut off"),
    "a bit in the filling": ("DBABLB~x", "something stands at its end"),
    "more filling than is needed": ("DBABLAA~x", "something stands at its end"),
    "a group of very many": ("DBAB4" + "A" * 30 + "D~x", "not one section for each id"),
    "base64 with a plus": ("DBABL+~x", "not base64url"),
    "base64 with an equals sign": ("DBABLA==~x", "not base64url"),
    "a space": (" DBABLA~x", "not base64url"),
    "a letter that is not of ours": ("DBÀBLA~x", "not base64url"),
    "more than anybody sends": ("DBABLA~" + "x" * 9000, "longer than 8192 characters"),
}
BAD_SECTIONS = {
    "nothing": ("", "cut off"),
    "the first version": ("BVQVAAAAAACA.YA", "not version 2"),
    "a core that is cut": ("CVQVAAAAAAC.YA", "cut off"),
    "a core that is longer": ("CVQVAAAAAACAAA.YA", "something stands at its end"),
    "a bit in the filling": ("CVQVAAAAAACB.YA", "something stands at its end"),
    "a value that is not defined": ("C_QVAAAAAACA.YA", "SharingNotice has a value"),
    "a value that is not defined in a list": ("CVQVwAAAAACA.YA", "SensitiveDataProcessing has a value"),
    "another sub-section": ("CVQVAAAAAACA.oA", "a sub-section that is not known"),
    "the signal twice": ("CVQVAAAAAACA.YA.YA", "a sub-section that is not known"),
    "an empty sub-section": ("CVQVAAAAAACA.", "cut off"),
    "no base64": ("CVQVAAAAAACA.Y=", "not base64url"),
    "more than anybody sends": ("C" * 9000, "longer than 8192 characters"),
}


@pytest.mark.parametrize(("text", "why"), BAD.values(), ids=BAD)
def test_a_text_that_is_no_string_is_refused(text: str, why: str) -> None:
    with pytest.raises(InvalidGpp, match=why):
        parse_gpp(text)


@pytest.mark.parametrize(("text", "why"), BAD_SECTIONS.values(), ids=BAD_SECTIONS)
def test_a_text_that_is_no_section_for_the_united_states_is_refused(text: str, why: str) -> None:
    with pytest.raises(InvalidGpp, match=why):
        parse_usnat(text)


def altered() -> st.SearchStrategy[str]:
    """Something else in one place of a good string, or anything at all."""
    place = st.integers(0, len(GOOD))
    near = st.builds(lambda at, text, end: GOOD[:at] + text + GOOD[at + end :], place, st.text(LETTERS + "~.="), place)
    return st.one_of(near, st.text(), st.text(LETTERS + "~.", max_size=60).map("DBA".__add__))


@given(altered())
def test_whatever_comes_is_read_or_refused_and_nothing_else_happens(text: str) -> None:
    try:
        found = parse_gpp(text)
        assert parse_gpp(format_gpp(found)) == found
        core, gpc = parse_usnat(found[USNAT])
    except (InvalidGpp, KeyError):
        return
    assert parse_usnat(format_usnat(core, gpc)) == (core, gpc)


@pytest.mark.parametrize("value", [3, -1, None, "1", [1], [0] * 15])
def test_a_value_that_a_field_cannot_have_is_not_written(value: Any) -> None:
    core, gpc = parse_usnat(parse_gpp(GOOD)[USNAT])
    for name in ("SaleOptOut", "SensitiveDataProcessing"):
        with pytest.raises(ValueError, match=f"{name} cannot be"):
            format_usnat({**core, name: value}, gpc)
