"""A second process that opens packs of many small blobs again before they leave the machine.

What is done for a small blob is mostly Python, and a process runs Python on one core at a time. The packs lie
in memory that both processes see, so nothing is copied; the keys go through a pipe that nobody else can open.
Whoever asks can always do the same work itself: the second process only makes it sooner.
"""

import struct
import subprocess
import sys
from mmap import ACCESS_READ, mmap
from typing import BinaryIO

from blake3 import blake3

from vaultd.errors import Refused
from vaultd.format.box import verify_box
from vaultd.format.keys import Keys
from vaultd.format.limits import KEY, VAULT_ID
from vaultd.hardening import keep_memory_private
from vaultd.store import second

_request = struct.Struct("<QQI")  # where the box begins in the shared memory, its length, its kind
_answer = struct.Struct("<?H")  # whether the box is right; length of what follows
_SEPARATOR = "\0"  # between reason and detail of a refusal


class Verifier:
    """The asking side. For one thread at a time."""

    def __init__(self, keys: Keys, memory: int) -> None:
        """`memory` is the descriptor of the shared memory. Raises OSError where no process can be started."""
        self._process = second.begin(__name__, [memory], subprocess.PIPE)
        self._greeting = keys.master + keys.vault_id

    def verify(self, start: int, length: int, kind: int) -> bytes | None:
        """The BLAKE3 of a whole box, found before all of the box was opened and found right; None where the
        other process is gone. Raises Refused, as `verify_box` does.
        """
        try:
            return self._ask(self._greeting + _request.pack(start, length, kind))
        except OSError:
            return None

    def _ask(self, question: bytes) -> bytes | None:
        to, back = self._process.stdin, self._process.stdout
        assert to is not None
        assert back is not None
        to.write(question)
        to.flush()
        self._greeting = b""
        head = back.read(_answer.size)
        if len(head) < _answer.size:
            return None
        right, size = _answer.unpack(head)
        said = back.read(size)
        if len(said) < size:
            return None
        if not right:
            raise Refused(*said.decode().split(_SEPARATOR, 1))
        return said

    def close(self) -> None:
        """End the other process. Closing twice is not an error."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    continue
        second.end(self._process)


def answer(questions: BinaryIO, answers: BinaryIO, memory: memoryview) -> None:
    """Verify what is asked for until nobody asks any more."""
    greeting = questions.read(KEY + VAULT_ID)
    if len(greeting) < KEY + VAULT_ID:
        return
    keys = Keys.from_master(greeting[:KEY], greeting[KEY:])
    while len(question := questions.read(_request.size)) == _request.size:
        start, length, kind = _request.unpack(question)
        right, said = _verified(memory[start : start + length], keys, kind)
        answers.write(_answer.pack(right, len(said)) + said)
        answers.flush()


def _verified(box: memoryview, keys: Keys, kind: int) -> tuple[bool, bytes]:
    # Named first and verified after: a bit that flips in between fails here, a later one does not fit the
    # name.
    digest = blake3(box).digest()
    try:
        verify_box(box, keys, kind)
    except Refused as error:
        return False, f"{error.reason}{_SEPARATOR}{error.detail}".encode()
    return True, digest


def main(memory: int) -> None:
    keep_memory_private()
    shared = memoryview(mmap(memory, 0, access=ACCESS_READ))
    answer(sys.stdin.buffer, sys.stdout.buffer, shared)


if __name__ == "__main__":
    main(int(sys.argv[1]))
