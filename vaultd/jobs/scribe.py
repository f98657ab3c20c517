"""A second process that writes plain files, while the first one reads those that come next.

What a small file costs a restore is half reading and half writing, nearly all of it Python and system calls,
and a process runs Python on one core at a time. The contents lie in memory that both processes see; the
folder goes over as an open descriptor, so the second process knows no path, no key and no vault. Whoever asks
can do the same work itself: the second process only makes it sooner.
"""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from mmap import ACCESS_READ, mmap

import msgspec

from vaultd.hardening import keep_memory_private
from vaultd.jobs.aside import NEW_FILE, move_within, temporary_name, write_all
from vaultd.store import second
from vaultd.store.buffers import Buffers

# Two batches are with the second process and one is being filled. A file has at most 256 KiB.
_ROOMS = 3
ROOM = 1 << 20
# Files of a batch: the last one of a folder is waited for, and each costs an exchange of some 50 us.
MOST = 16
_LONGEST_QUESTION = 64 << 10  # MOST files with names of 255 bytes are 5 KiB

KEPT, TAKEN, FAILED = 0, 1, 2


class PlainFile(msgspec.Struct, array_like=True):
    """What is to be known of a file to write it: its bytes are `length` from `start` in the shared memory;
    no owner where this user may give nothing away.
    """

    name: bytes
    start: int
    length: int
    owner: tuple[int, int] | None
    mode: int
    mtime: int


class _Batch(msgspec.Struct, array_like=True):
    made: bool
    files: Sequence[PlainFile]


class Scribe:
    """The asking side. For one thread. Raises OSError where no process can be started."""

    def __init__(self) -> None:
        self._buffers = Buffers(_ROOMS, ROOM)
        self._is_gone = False
        if self._buffers.shared is None:
            raise OSError("no shared memory")
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            handed = [theirs.fileno(), self._buffers.shared]
            self._process = second.begin(__name__, handed, subprocess.DEVNULL)
        except BaseException:
            self._socket.close()
            raise
        finally:
            theirs.close()
            self._buffers.close()

    def room(self) -> tuple[int, memoryview]:
        """Memory for the contents of a batch, and where it begins. At most three are out at once."""
        return self._buffers.take()

    def send(self, folder: int, files: Sequence[PlainFile], *, made: bool) -> None:
        """Have these written into an open folder, as a `PlainWriter` does. Raises OSError where the other
        process is gone.
        """
        socket.send_fds(self._socket, [msgspec.msgpack.encode(_Batch(made, files))], [folder])

    def answer(self, meanwhile: Callable[[], bool]) -> bytes:
        """What became of each file of the batch that was sent first: KEPT, TAKEN (something has the name) or
        FAILED, a byte each. Nothing at all where the other process is gone, from then on.

        While there is no answer yet, `meanwhile` is called again and again, until it has nothing to do.
        """
        # A socket whose other end died tells that once, and then gives out what came before: it would be
        # taken for the answer to the next batch, of which nothing was written.
        found = b"" if self._is_gone else self._received(meanwhile)
        self._is_gone = not found
        return found

    def _received(self, meanwhile: Callable[[], bool]) -> bytes:
        try:
            while True:
                try:
                    return self._socket.recv(MOST, socket.MSG_DONTWAIT)
                except BlockingIOError:
                    if not meanwhile():
                        return self._socket.recv(MOST)
        except OSError:
            return b""

    def give_back(self, start: int) -> None:
        """A batch was answered: its memory can be used again."""
        self._buffers.give_back(start)

    def close(self) -> None:
        """End the other process, after what it was asked to do. Closing twice is not an error."""
        self._socket.close()
        second.end(self._process)


class PlainWriter:
    """Writes plain files into an open folder. `made`: the folder is new, and nobody else's."""

    def __init__(self, folder: int, *, made: bool) -> None:
        self.folder = folder
        self._made = made
        self._given: tuple[int, int] | None = None  # the owner of what is made here, where that is known

    def write(self, file: PlainFile, plain: bytes | memoryview) -> int:
        """Write a new file aside, dress it, give it its name: KEPT, or TAKEN or FAILED with nothing left
        behind.
        """
        temporary, outcome = temporary_name(), FAILED
        try:
            fd = os.open(temporary, NEW_FILE, 0o600, dir_fd=self.folder)
        except OSError:
            return FAILED
        try:
            if os.pwrite(fd, plain, 0) != len(plain):
                write_all(fd, memoryview(plain), 0)
            self._dress(fd, file)
            outcome = KEPT if move_within(self.folder, temporary, file.name, replace=False) else TAKEN
        except (OSError, OverflowError):
            return FAILED
        finally:
            os.close(fd)
            if outcome != KEPT:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(temporary, dir_fd=self.folder)
        return outcome

    def _dress(self, fd: int, file: PlainFile) -> None:
        """Owner, mode, time, as `Attributes.apply` gives them."""
        if file.owner is not None and file.owner != self._given:
            if self._made and self._given is None:
                # All files of a folder of our own are made alike: what the first is, the others are.
                status = os.fstat(fd)
                self._given = status.st_uid, status.st_gid
            os.chown(fd, *file.owner)
        os.chmod(fd, file.mode)
        os.utime(fd, ns=(file.mtime, file.mtime))


def serve(asked: socket.socket, memory: memoryview) -> None:
    """Write what is asked for until nobody asks any more."""
    questions = msgspec.msgpack.Decoder(_Batch)
    while True:
        question, folders, _, _ = socket.recv_fds(asked, _LONGEST_QUESTION, 1)
        if not question:
            return
        batch = questions.decode(question)
        writer = PlainWriter(folders[0], made=batch.made)
        try:
            outcomes = [
                writer.write(file, memory[file.start : file.start + file.length]) for file in batch.files
            ]
        finally:
            os.close(folders[0])
        asked.send(bytes(outcomes))


def main(asked: int, memory: int) -> None:
    keep_memory_private()
    serve(socket.socket(fileno=asked), memoryview(mmap(memory, 0, access=ACCESS_READ)))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
