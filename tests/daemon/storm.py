"""A storm of changes: `python storm.py ROOT OUTSIDE SEED SECONDS` does what programs do, at random.

OUTSIDE is a folder on the same file system; what is moved there may come back. The file `shared` there gets
names in ROOT, and is otherwise left alone, since a file of several names is not told under all of them.
"""

import contextlib
import os
import random
import sys
import time
from pathlib import Path

NAMES = ["a", "b", "c", "d", "photo.jpg", "chat.db", "\udcff\udcfe.jpg", "new\nline"]
DEPTH = 6


class Storm:
    def __init__(self, root: Path, outside: Path, seed: int) -> None:
        self.root, self.outside = root, outside
        self.random = random.Random(seed)
        self.number = 0

    def folder(self) -> Path:
        """Some folder of the root, found by walking down."""
        here = self.root
        while len(here.relative_to(self.root).parts) < DEPTH and self.random.random() < 0.7:
            below = [entry.name for entry in os.scandir(here) if entry.is_dir(follow_symlinks=False)]
            if not below:
                break
            here /= self.random.choice(below)
        return here

    def inner(self) -> Path:
        """Some folder that is not the root; OSError where there is none."""
        found = self.folder()
        if found == self.root:
            raise FileNotFoundError(found)
        return found

    def file(self) -> Path:
        """Some file, which is not the shared one; OSError where there is none."""
        here = self.folder()
        files = [
            e.name for e in os.scandir(here) if e.is_file(follow_symlinks=False) and e.stat().st_nlink == 1
        ]
        if not files:
            raise FileNotFoundError(here)
        return here / self.random.choice(files)

    def name(self) -> Path:
        return self.folder() / self.random.choice(NAMES)

    def fresh(self) -> Path:
        self.number += 1
        return self.outside / f"moved-{self.number}"

    # What happens.

    def write(self) -> None:
        path = self.name()
        if not path.exists() or path.stat().st_nlink == 1:
            path.write_bytes(self.random.randbytes(10))

    def append(self) -> None:
        with self.file().open("ab") as file:
            file.write(b"more")

    def chmod(self) -> None:
        self.file().chmod(self.random.choice([0o600, 0o640, 0o644]))

    def touch(self) -> None:
        os.utime(self.file(), ns=(1, self.random.randrange(10**18)))

    def replace(self) -> None:
        file = self.file()
        new = file.with_name("new.tmp")
        new.write_bytes(b"replaced")
        new.replace(file)

    def delete(self) -> None:
        self.file().unlink()

    def link(self) -> None:
        os.link(self.outside / "shared", self.name())

    def symlink(self) -> None:
        os.symlink("a", self.name())

    def rename(self) -> None:
        self.file().rename(self.name())

    def mkdir(self) -> None:
        self.name().mkdir()

    def mkdirs(self) -> None:
        path = self.name().joinpath(*self.random.choices(NAMES, k=3))
        path.mkdir(parents=True)
        (path / "file").write_bytes(b"deep")

    def rmdir(self) -> None:
        self.inner().rmdir()

    def remove_tree(self) -> None:
        for path, _, files in os.walk(self.inner(), topdown=False):
            for name in files:
                os.unlink(os.path.join(path, name))
            os.rmdir(path)

    def move_folder(self) -> None:
        self.inner().rename(self.name())

    def swap(self) -> None:
        one, other, between = self.inner(), self.inner(), self.folder() / "between"
        one.rename(between)
        other.rename(one)
        between.rename(other)

    def move_out(self) -> None:
        path = self.fresh()
        self.inner().rename(path)
        (path / "written outside").write_bytes(b"1")

    def move_in(self) -> None:
        moved = [entry.name for entry in os.scandir(self.outside) if entry.is_dir()]
        if moved:
            (self.outside / self.random.choice(moved)).rename(self.name())

    def run(self, seconds: float) -> None:
        usual = [self.write, self.append, self.chmod, self.touch, self.replace, self.delete, self.rename]
        folders = [self.mkdir, self.mkdirs, self.mkdirs, self.rmdir, self.move_folder, self.swap]
        rare = [self.link, self.symlink, self.move_out, self.move_in, self.move_in, self.remove_tree]
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            change = self.random.choice(self.random.choices([usual, folders, rare], [5, 4, 1])[0])
            with contextlib.suppress(OSError):
                change()


if __name__ == "__main__":
    Storm(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])).run(float(sys.argv[4]))
