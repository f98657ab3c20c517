"""Every sentence that a person reads, in each language, and the choice of the language.

A language is a module with one flat dictionary, from a key to a template. Only the chosen one is
loaded. In a template, `{field}` is a fact shown in the way of its type (names escaped, numbers with
separators); after a colon comes another way:

    {bytes:size}  {when:time}  {left:span}  {pid:raw}
    {files:n file/files}       the number, and the word that fits it
    {copy:? on the copy “*”}   nothing if the fact is empty, else this with the fact for the star
    {reason:silent? (*)}       the same with the words that stand under `silent.REASON`, where there are any
    {free:size? (*)}           the same in one of the ways above
"""

import os
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from typing import Any

from vaultd_cli import show

LANGUAGES = ("en", "zh")


def language_of(environ: Mapping[str, str]) -> str:
    """VAULTD_LANG decides, else the first that is set of LC_ALL, LC_MESSAGES and LANG; else English."""
    chosen = (environ.get(name) for name in ("VAULTD_LANG", "LC_ALL", "LC_MESSAGES", "LANG"))
    return "zh" if next(filter(None, chosen), "").lower().startswith("zh") else "en"


@cache
def language() -> str:
    """The language of this run."""
    return language_of(os.environ)


def sentences(tongue: str) -> dict[str, str]:
    """All templates of one language, by key."""
    table: dict[str, str] = import_module(f"vaultd_cli.catalogue.{tongue}").SENTENCES
    return table


def say(key: str, /, **facts: Any) -> str:
    """The sentence for `key` in the language of this run. Raises KeyError for an unknown key or fact."""
    return _fill(language(), key, facts)


def in_english(key: str, /, **facts: Any) -> str:
    """The sentence as JSON carries it, whatever the language."""
    return _fill("en", key, facts)


def in_language(tongue: str, key: str, /, **facts: Any) -> str:
    """The sentence in one of the `LANGUAGES`, for texts that are written in all of them."""
    return _fill(tongue, key, facts)


def knows(key: str) -> bool:
    """Whether there is a sentence for `key`."""
    return key in sentences(language())


def _fill(tongue: str, key: str, facts: dict[str, Any]) -> str:
    table = sentences(tongue)
    return table[key].format_map({name: _Fact(value, table) for name, value in facts.items()})


class _Fact:
    """One value, which knows how each way of showing looks in the language of `table`."""

    def __init__(self, value: Any, table: dict[str, str]) -> None:
        self.value = value
        self.table = table

    def __format__(self, way: str) -> str:
        family, asks, text = way.partition("?")
        if asks:
            return text.replace("*", self._known(family)) if self.value else ""
        if way.startswith("n "):
            one, many = way[2:].split("/")
            return f"{show.count(self.value)} {one if self.value == 1 else many}"
        return _WAYS[way](self.value) if way else self._plain(self.value)

    def _known(self, family: str) -> str:
        if family in _WAYS:
            return _WAYS[family](self.value)
        if isinstance(self.value, int):  # names something, such as a process; it counts nothing
            return str(self.value)
        return self.table.get(f"{family}.{self.value}") or self._plain(self.value)

    def _plain(self, value: Any) -> str:
        """In the way of its type. A `Said` is a piece of a sentence already, and stays as it is."""
        if isinstance(value, Said):
            return str(value)
        if isinstance(value, bytes | os.PathLike):
            return show.name(os.fsencode(value))
        if isinstance(value, int):
            return show.count(value)
        if isinstance(value, tuple | list):
            return self.table["list.comma"].join(map(self._plain, value))
        return show.text(str(value))


class Said(str):
    """Text that came out of the catalogue, so that it goes into another sentence unescaped."""

    __slots__ = ()


_WAYS: dict[str, Callable[[Any], str]] = {
    "size": show.size,
    "time": show.moment,
    "span": show.span,
    "raw": str,
}
