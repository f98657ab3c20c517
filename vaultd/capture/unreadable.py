"""The one way in which reading the source fails, apart from errors of vaultd itself."""

import errno
from dataclasses import dataclass

# What a name answers when somebody removed or replaced it since the folder was listed.
_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})


@dataclass(eq=False)
class Unreadable(Exception):
    """The source did not give something. `code` is the name of the error (EIO), `doing` a word: open, read,
    list ...
    """

    code: str
    doing: str
    gone: bool = False

    def __str__(self) -> str:
        return f"{self.doing}: {self.code}"


def unreadable(error: OSError, doing: str) -> Unreadable:
    """An error of the system as an Unreadable; `gone` where it says that the name is not there any more, or
    another kind.
    """
    code = error.errno or errno.EIO
    return Unreadable(errno.errorcode.get(code, str(code)), doing, code in _GONE)
