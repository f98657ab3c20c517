"""A folder for plain data that nobody else may see and that does not stay."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from vaultd.settings import Home
from vaultd.store.lock import writer_lock


@contextlib.contextmanager
def scratch(home: Home) -> Iterator[Path]:
    """An empty folder of this computer's own state, for its owner only, which is removed however the `with`
    ends. What a killed process left in it is removed first. Raises Busy where another one has it; OSError.
    """
    top = home.state / "drill"
    with writer_lock(home.state / "drill.lock"):
        remove(top)
        top.mkdir(mode=0o700)
        try:
            yield top
        finally:
            remove(top)


def remove(top: Path) -> None:
    """Remove a folder and what is in it, links as links; a folder in it that is closed is opened first. What
    is not there is no error. Raises OSError.
    """
    if top.is_symlink() or not top.is_dir():
        top.unlink(missing_ok=True)
        return
    os.chmod(top, 0o700)
    for folder, names, _ in os.walk(os.fsencode(top)):
        for name in names:
            path = os.path.join(folder, name)
            if not os.path.islink(path):
                os.chmod(path, 0o700)
    shutil.rmtree(os.fsencode(top))
