"""Watch as a user who may not read everything: `python unprivileged.py ROOT USER`

Says how it goes, and makes ROOT/a/b unreadable and readable again.
"""

import os
import sys
from pathlib import Path

from tests.daemon.watched import inodes_of, inodes_watched, settled, until, watching
from vaultd.daemon.changes import Part, Watching


def main(root: Path, user: int) -> None:
    if user:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
    (root / "a/b").chmod(0)
    with watching(root) as (watch, told):
        assert watch.state == Watching(2, (Part(b"a/b", "EACCES"),), 1), watch.state
        (root / "a/b").chmod(0o700)
        until(lambda: watch.state == Watching(4) and told.dirty.get(b"a/b"), "not taken up again")
        assert inodes_watched() == inodes_of(root)
        (root / "a/b/c/file").touch()
        until(lambda: b"a/b/c" in told.dirty)
        # One that is watched when it becomes unreadable stays watched: nothing is asked of it.
        (root / "a/b").chmod(0)
        (root / "a/new").mkdir()
        settled(root, watch, told)
        until(lambda: watch.state == Watching(5))


main(Path(sys.argv[1]), int(sys.argv[2]))
