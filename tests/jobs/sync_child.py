"""One catch-up in a process of its own that ends itself with SIGKILL before its n-th step.

python sync_child.py FOLDER N: from the copy in FOLDER/source to that in FOLDER/target. A step is to put a
file, to have put it, and to read it back.
"""

import os
import signal
import sys
from pathlib import Path

from vaultd.copies.contract import Buffer
from vaultd.copies.directory import DirectoryCopy
from vaultd.jobs.sync import catch_up
from vaultd.progress import Silent


class Dying(DirectoryCopy):
    """A copy whose process has only so many steps to live."""

    steps = 0

    def put(self, name: str, data: Buffer) -> None:
        self._step()
        super().put(name, data)
        self._step()

    def read_back(self, name: str) -> None:
        self._step()
        super().read_back(name)

    def _step(self) -> None:
        if self.steps == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.steps -= 1


def main(folder: Path, steps: int) -> None:
    source = DirectoryCopy.open(folder / "source", None, "source")
    target = Dying.open(folder / "target", None, "target")
    assert isinstance(target, Dying)
    target.steps = steps
    catch_up(source, target, Silent(), lambda: None)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
