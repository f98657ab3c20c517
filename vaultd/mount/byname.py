"""Operations as fusepy asks for them: each by its name, and every path as text of an encoding that knows no
bytes which are none. In Latin-1 each byte is one character.
"""

import os
from collections.abc import Iterator
from typing import Any

from vaultd.mount.operations import Operations

ENCODING = "latin-1"


def spelled(text: str) -> str:
    """A name of ours as fusepy must have it."""
    return os.fsencode(text).decode(ENCODING)


def _meant(word: Any) -> Any:
    return os.fsdecode(word.encode(ENCODING)) if isinstance(word, str) else word


class ByName:
    """What `operations` answers, with its words spelled so."""

    use_ns = True

    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    def __getattr__(self, name: str) -> Any:
        return getattr(self._operations, name)

    def __call__(self, name: str, *words: Any) -> Any:
        meant = [_meant(word) for word in words]
        if name == "readdir":
            return self.readdir(*meant)
        found = getattr(self._operations, name)(*meant)
        if name == "listxattr":
            return [spelled(each) for each in found]
        return spelled(found) if name == "readlink" else found

    def readdir(self, path: str, fh: int) -> Iterator[tuple[str, dict[str, int], int]]:
        """All at once: fusepy does not say from where on."""
        for name, attributes, _ in self._operations.readdir_with_offset(path, 0, fh):
            yield spelled(name), attributes, 0
