"""Patterns for names and paths: globs for `find`, the rules of .gitignore for what to restore.

Names are bytes; a pattern is text, and meets a name as UTF-8 with what is not UTF-8 left as it is.
"""

import re
from collections.abc import Callable, Sequence
from fnmatch import translate
from typing import TYPE_CHECKING

from vaultd.errors import BadPattern

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

Matches = Callable[[bytes], bool]


def name_matcher(pattern: str, *, ignore_case: bool = False, whole: bool = False) -> Matches:
    """Whether a path fits a glob: its last name, or all of it if `whole` or where the pattern has a slash.
    `*` spans folders.
    """
    if not pattern.strip("/"):
        raise BadPattern(pattern)
    fits = re.compile(translate(pattern.strip("/")), re.IGNORECASE if ignore_case else 0).match
    if whole or "/" in pattern.strip("/"):
        return lambda path: fits(_text(path)) is not None
    return lambda path: fits(_text(path.rpartition(b"/")[2])) is not None


class Selection:
    """What of a tree is asked for, by patterns as in .gitignore on paths relative to its top.

    A path is chosen if it fits `include` (nothing given: all) or lies in a folder that does, and is not
    `exclude`d and in no folder that is. Raises BadPattern.
    """

    def __init__(self, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> None:
        self._include = _spec(include)
        self._exclude = _spec(exclude)

    @property
    def takes_all(self) -> bool:
        return self._include is None and self._exclude is None

    @property
    def only_some(self) -> bool:
        """Folders are wanted only for what is chosen below them."""
        return self._include is not None

    def excludes(self, path: bytes, *, folder: bool) -> bool:
        return self._exclude is not None and _fits(self._exclude, path, folder=folder)

    def includes(self, path: bytes, *, folder: bool) -> bool:
        return self._include is None or _fits(self._include, path, folder=folder)


def _spec(patterns: Sequence[str]) -> "GitIgnoreSpec | None":
    if not patterns:
        return None
    from pathspec import GitIgnoreSpec

    for pattern in patterns:
        try:
            GitIgnoreSpec.from_lines([pattern])
        except (ValueError, re.error) as error:
            raise BadPattern(pattern) from error
    return GitIgnoreSpec.from_lines(patterns)


def _fits(spec: "GitIgnoreSpec", path: bytes, *, folder: bool) -> bool:
    return spec.match_file(_text(path) + ("/" if folder else ""))


def _text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")
