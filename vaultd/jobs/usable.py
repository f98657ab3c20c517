"""Which of the copies is used: the first one that can be."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from vaultd.errors import (
    BadStoreKeys,
    BadUrl,
    CopyGone,
    Damaged,
    Full,
    LostTooMuch,
    Missing,
    NeedsExtra,
    NeedsStoreKeys,
    NoKeys,
    NoSuchKey,
    NotAFolder,
    NoVault,
    ReadOnly,
    Unreachable,
    VaultdError,
    WrongKey,
    WrongPlace,
)
from vaultd.settings import Home, Place

# Why a copy cannot be used now, though another one may be.
NOT_NOW = (
    *(BadUrl, NeedsExtra, NeedsStoreKeys, BadStoreKeys),
    *(LostTooMuch, CopyGone, NoVault, NoKeys, WrongPlace, NotAFolder, Unreachable, Damaged, Missing),
    *(ReadOnly, Full),
)
Opened = TypeVar("Opened")


def first(
    places: Sequence[Place],
    home: Home,
    opener: Callable[[Place], Opened],
    without: Callable[[], Opened | None] = lambda: None,
) -> tuple[Opened, tuple[tuple[Place, VaultdError], ...]]:
    """What `opener` made of the first place that can be used, and those before it; where none can, what can
    be done `without` any. Raises the opener's first error; but WrongKey or NoSuchKey where no other place
    opened instead.
    """
    passed_over: list[tuple[Place, VaultdError]] = []
    for place in places:
        try:
            return opener(place), tuple(passed_over)
        except (*NOT_NOW, WrongKey, NoSuchKey) as error:
            passed_over.append((place, error))
    for _, why in passed_over:
        if isinstance(why, WrongKey | NoSuchKey):
            raise why
    if passed_over and (opened := without()) is not None:
        return opened, tuple(passed_over)
    raise passed_over[0][1] if passed_over else NoVault(str(home.config))
