"""Files that git gives back: those of a working tree whose `.git` is there and has just checked something
out.
"""

from vaultd.errors import Damaged, Missing, NoSuchPath
from vaultd.tree.content import identity
from vaultd.tree.view import View

# Every checkout, pull, reset and rebase writes one of these; that files are removed by hand does not.
_SIGNS = (b".git/HEAD", b".git/logs/HEAD", b".git/ORIG_HEAD")


class Worktrees:
    """Of two states of a source. Each folder is asked about once."""

    def __init__(self, a: View, b: View) -> None:
        self._a, self._b = a, b
        self._known: dict[bytes, bool] = {}

    def gives_back(self, path: bytes) -> bool:
        """Whether this path lies in a working tree that was checked out between the two."""
        above = path.rpartition(b"/")[0]
        if above not in self._known:
            inside = self._was_checked_out(above)
            self._known[above] = inside or (bool(above) and self.gives_back(above))
        return self._known[above]

    def _was_checked_out(self, folder: bytes) -> bool:
        return any(self._differs((folder + b"/" if folder else b"") + sign) for sign in _SIGNS)

    def _differs(self, path: bytes) -> bool:
        """Whether a file is there in both, and not the same."""
        try:
            return identity(self._a.lookup(path)) != identity(self._b.lookup(path))
        except (NoSuchPath, Missing, Damaged):
            return False
