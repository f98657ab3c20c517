"""The recovery code: 24 words that a person writes down, and types in again somehow."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mnemonic import Mnemonic

from vaultd.errors import BadRecoveryCode
from vaultd.format.words import CHINESE, ENGLISH, parse_recovery_code, recovery_words

LANGUAGES = [ENGLISH, CHINESE]


@given(st.binary(min_size=32, max_size=32), st.sampled_from(LANGUAGES))
def test_there_and_back(master: bytes, language: str) -> None:
    words = recovery_words(master, language)
    assert words == Mnemonic(language).to_mnemonic(master).split()
    assert parse_recovery_code(" ".join(words)) == master


def test_the_vector_of_the_standard() -> None:
    assert recovery_words(bytes(32)) == ["abandon"] * 23 + ["art"]
    assert recovery_words(b"\xff" * 32) == ["zoo"] * 23 + ["vote"]


@pytest.mark.parametrize("between", [" ", "\n", "  \t ", ", ", "\u3000", "\uff0c", "\u3001", "\u00a0"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_as_somebody_types_it(between: str, language: str, rng: random.Random) -> None:
    master = rng.randbytes(32)
    text = between.join(recovery_words(master, language))
    assert parse_recovery_code(f"\n {text.upper()} ") == master


def test_chinese_needs_no_spaces(rng: random.Random) -> None:
    master = rng.randbytes(32)
    words = recovery_words(master, CHINESE)
    assert parse_recovery_code("".join(words)) == master
    assert parse_recovery_code("".join(words[:12]) + "\n" + " ".join(words[12:])) == master


def test_full_width_letters_and_digits(rng: random.Random) -> None:
    master = rng.randbytes(32)
    wide = "".join(chr(ord(c) + 0xFEE0) if c != " " else "\u3000" for c in " ".join(recovery_words(master)))
    assert parse_recovery_code(wide) == master
    assert parse_recovery_code(master.hex()) == master
    assert parse_recovery_code(" ".join(master.hex().upper()[i : i + 8] for i in range(0, 64, 8))) == master


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_first_wrong_word_is_named(language: str, rng: random.Random) -> None:
    words = recovery_words(rng.randbytes(32), language)
    words[7], words[9] = "abandonn", "zooo"
    with pytest.raises(BadRecoveryCode) as caught:
        parse_recovery_code(" ".join(words))
    assert caught.value.word == "abandonn"


@pytest.mark.parametrize("language", LANGUAGES)
def test_wrong_number_or_order(language: str, rng: random.Random) -> None:
    words = recovery_words(bytes(range(32)), language)
    for wrong in (words[:-1], [*words, words[0]], [], words[1:] + words[:1]):
        with pytest.raises(BadRecoveryCode) as caught:
            parse_recovery_code(" ".join(wrong))
        assert caught.value.word == ""
