"""Lengths of time and parts of a whole, as they are typed after an option.

10m  2h  30d  1h30m  45s  2w        units: s, m, h, d, w
10%  1/5  500M  2GiB                a share, the nth of m parts, a size (powers of 1,024)
"""

import re
from dataclasses import dataclass
from fractions import Fraction

import click

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_PIECE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)([smhdw])", re.IGNORECASE)
_SPAN = re.compile(rf"(?:{_PIECE.pattern})+", re.IGNORECASE)
_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)([KMGT]?)(?:i?B)?", re.IGNORECASE)
_SHARE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,9})?)%")
_GROUP = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")
_POWERS = "KMGT"


class NotAnAmount(ValueError):
    """These words are none of what was asked for."""


def seconds_of(words: str) -> float:
    """A length of time in seconds. Raises NotAnAmount for what is none; a number without a unit is none."""
    if not _SPAN.fullmatch(words):
        raise NotAnAmount(words)
    pieces = [(Fraction(number), unit.lower()) for number, unit in _PIECE.findall(words)]
    return float(sum(number * _SECONDS[unit] for number, unit in pieces))


def bytes_of(words: str) -> int:
    """A size in bytes. Raises NotAnAmount for what is none."""
    match = _SIZE.fullmatch(words)
    if match is None:
        raise NotAnAmount(words)
    return int(Fraction(match[1]) * 1024 ** (_POWERS.find(match[2].upper()) + 1 if match[2] else 0))


@dataclass(frozen=True, slots=True)
class Subset:
    """One of these: a share (0 to 1), the nth of m groups (n, m), a size in bytes."""

    share: float | None = None
    group: tuple[int, int] | None = None
    size: int | None = None


def subset_of(words: str) -> Subset:
    """Which part is meant. Raises NotAnAmount for none, a share above 100%, a group beyond the last."""
    if match := _SHARE.fullmatch(words):
        share = float(Fraction(match[1]) / 100)
        if not 0 < share <= 1:
            raise NotAnAmount(words)
        return Subset(share=share)
    if match := _GROUP.fullmatch(words):
        number, of = int(match[1]), int(match[2])
        if not 1 <= number <= of:
            raise NotAnAmount(words)
        return Subset(group=(number, of))
    if size := bytes_of(words):
        return Subset(size=size)
    raise NotAnAmount(words)


def span(context: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """The callback of an option that takes a length of time; what the command gets is in seconds."""
    try:
        return None if value is None else seconds_of(value)
    except NotAnAmount:
        raise click.BadParameter(str(value), context, param) from None


def subset(context: click.Context, param: click.Parameter, value: str | None) -> Subset | None:
    """The callback of an option that takes a part of a whole."""
    try:
        return None if value is None else subset_of(value)
    except NotAnAmount:
        raise click.BadParameter(str(value), context, param) from None


def size(context: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """The callback of an option that takes a size in bytes."""
    try:
        return None if value is None else bytes_of(value)
    except NotAnAmount:
        raise click.BadParameter(str(value), context, param) from None
