"""One value, one spelling."""

from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.format.values import mutated, refused, structures, taken
from vaultd.format import canon


@given(structures())
def test_what_is_encoded_is_decoded(value: Any) -> None:
    assert canon.decode(canon.encode(value)) == value


@given(structures())
def test_the_spelling_is_that_of_another_library(value: Any) -> None:
    assert canon.encode(value) == msgpack.packb(canon._sorted(value))


@given(structures(), st.data())
def test_a_mutation_is_refused_or_is_another_value_in_its_one_spelling(
    value: Any, data: st.DataObject
) -> None:
    changed = data.draw(mutated(canon.encode(value)))
    for found in taken(canon.decode, changed, "canonical", "shape", "depth"):
        assert canon.encode(found) == changed


def nested(levels: int) -> bytes:
    return b"\x91" * (levels - 1) + b"\x90"


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "canonical"),
        (b"\xc1", "canonical"),
        (b"\xc0\xc0", "canonical"),
        (b"\x92\xc0", "canonical"),
        (b"\xcc\x05", "canonical"),  # 5 in two bytes
        (b"\xd0\x05", "canonical"),
        (b"\xd1\x00\xff", "canonical"),
        (b"\xcd\x00\xff", "canonical"),
        (b"\xd0\xff", "canonical"),  # -1 in two bytes
        (b"\xd9\x01a", "canonical"),
        (b"\xc5\x00\x01a", "canonical"),
        (b"\xdc\x00\x00", "canonical"),
        (b"\xde\x00\x00", "canonical"),
        (b"\xa1\xff", "canonical"),  # no UTF-8
        (b"\xa3\xed\xa0\x80", "canonical"),  # a surrogate
        (b"\xcb" + bytes(8), "canonical"),
        (b"\xca" + bytes(4), "canonical"),
        (b"\xd6\xff" + bytes(4), "canonical"),  # a time stamp
        (b"\xd4\x05\x01", "canonical"),
        (b"\x82\xa1b\x01\xa1a\x02", "canonical"),  # b before a
        (b"\x82\xa1a\x01\xa1a\x01", "canonical"),  # twice
        (b"\x82\xc4\x01b\x01\xc4\x01a\x02", "canonical"),
        (b"\x82\xc4\x01a\x01\xc4\x01a\x01", "canonical"),
        (b"\x82\xc4\x01a\x01\xa1a\x01", "canonical"),
        (b"\x81\x01\x01", "shape"),
        (b"\x81\xc0\x01", "shape"),
        (nested(17), "depth"),
        (nested(100_000), "depth"),
        (b"\x81\xa1a" * 16 + b"\x80", "depth"),
        (b"\xdd\xff\xff\xff\xff", "canonical"),
        (b"\xdf\xff\xff\xff\xff", "canonical"),
        (b"\xc6\xff\xff\xff\xff", "canonical"),
    ],
)
def test_what_is_refused(data: bytes, word: str) -> None:
    with refused(word):
        canon.decode(data)


def test_sixteen_levels_are_enough() -> None:
    assert canon.decode(nested(16))


def test_long_keys_ascend_by_their_bytes() -> None:
    words = ["\uffff", "\U0001f600", "z", "\u00e9", "", "zz"]
    assert list(canon.decode(canon.encode(dict.fromkeys(words, 1)))) == sorted(words, key=str.encode)
    assert canon.decode(canon.encode({b"b": 1, "a": 2, "c": 3})) == {"a": 2, b"b": 1, "c": 3}


def test_what_has_no_spelling() -> None:
    for wrong in ({1: 2}, {b"a": {1: 2}}, object()):
        with pytest.raises(TypeError):
            canon.encode(wrong)


@given(structures(), st.integers(0, 50))
def test_the_first_value_is_found(value: Any, zeros: int) -> None:
    data = canon.encode(value)
    assert canon.decode_first(data + bytes(zeros)) == (value, len(data))
