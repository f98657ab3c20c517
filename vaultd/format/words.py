"""The recovery code: the master key as 24 words of BIP-39 (docs/format.md, section 3)."""

import re
import unicodedata
from functools import cache
from hashlib import sha256

from vaultd.errors import BadRecoveryCode
from vaultd.format.limits import KEY

ENGLISH, CHINESE = "english", "chinese_simplified"
WORDS = 24  # x 11 bits = 256 bits of key and 8 of checksum
_BITS = 11
_HEX = re.compile(r"[0-9a-f]{64}")
_BETWEEN = re.compile(r"[\s,、]+")
_IDEOGRAPH = re.compile(r"([\u4e00-\u9fff])")


@cache
def _word_list(language: str) -> tuple[str, ...]:
    from mnemonic import Mnemonic

    return tuple(_normal(word) for word in Mnemonic(language).wordlist)


@cache
def _positions(language: str) -> dict[str, int]:
    return {word: position for position, word in enumerate(_word_list(language))}


def _normal(text: str) -> str:
    return unicodedata.normalize("NFKC", text).lower()


def recovery_words(master: bytes, language: str = ENGLISH) -> list[str]:
    """24 words, in English or in Simplified Chinese, where each is one character."""
    if len(master) != KEY:
        raise ValueError("a master key is 32 bytes")
    bits = int.from_bytes(master + sha256(master).digest()[:1], "big")
    words = _word_list(language)
    return [words[bits >> _BITS * place & 2047] for place in reversed(range(WORDS))]


def same_word(typed: str, word: str) -> bool:
    """Whether what somebody typed is this word of a code."""
    return _normal(typed.strip()) == word


def parse_recovery_code(text: str) -> bytes:
    """The 32 bytes of the master key from its words as somebody typed them, or from 64 hex digits.

    Any spaces, line breaks and commas may stand between words, and none between Chinese ones. Raises
    BadRecoveryCode: with the first word that the list does not have, or without a word where their number or
    the checksum is wrong.
    """
    text = _normal(text)
    if _HEX.fullmatch(bare := _BETWEEN.sub("", text)):
        return bytes.fromhex(bare)
    found = [word for word in _BETWEEN.split(_IDEOGRAPH.sub(r" \1 ", text)) if word]
    numbers = _numbers(found)
    if len(numbers) != WORDS:
        raise BadRecoveryCode
    return _check(numbers)


def _numbers(found: list[str]) -> list[int]:
    """Positions in the list that has most of the words."""
    lists = [_positions(language) for language in (ENGLISH, CHINESE)]
    positions = max(lists, key=lambda known: sum(word in known for word in found))
    for word in found:
        if word not in positions:
            raise BadRecoveryCode(word=word)
    return [positions[word] for word in found]


def _check(numbers: list[int]) -> bytes:
    bits = 0
    for number in numbers:
        bits = bits << _BITS | number
    master, checksum = divmod(bits, 256)
    entropy = master.to_bytes(KEY, "big")
    if sha256(entropy).digest()[0] != checksum:
        raise BadRecoveryCode
    return entropy
