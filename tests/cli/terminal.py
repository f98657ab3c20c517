"""A person at a terminal, for tests: starts `vaultd` on a pseudo-terminal, waits for text, types."""

import os
import pty
import re
import select
import signal
import time
from pathlib import Path
from typing import Self

from tests.cli.runner import environment

_SECONDS = 30.0


class Terminal:
    """One program on a terminal of its own, which is also its /dev/tty. Use it in a `with`."""

    def __init__(self, words: list[str], work: Path, **variables: str) -> None:
        self.seen = ""
        self.screen = ""
        self._known = environment(work) | {"TERM": "xterm"} | variables
        self._pid, self._fd = pty.fork()
        if self._pid == 0:
            os.chdir(work)
            os.execvpe(words[0], words, self._known)

    def expect(self, regex: str) -> str:
        """Wait until the text fits, and forget what came up to there. Raises AssertionError after 30 s."""
        until = time.monotonic() + _SECONDS
        while not (match := re.search(regex, self.seen)):
            assert self._read(until - time.monotonic()), f"{regex!r} did not come; there was {self.seen!r}"
        self.seen = self.seen[match.end() :]
        return match[0]

    def type(self, text: str) -> None:
        """Type `text` as it is; Enter is "\\r"."""
        os.write(self._fd, text.encode())

    def send(self, number: signal.Signals) -> None:
        os.kill(self._pid, number)

    def end(self) -> int:
        """Wait until the program ends, reading what it says; its exit code."""
        until = time.monotonic() + _SECONDS
        while self._read(until - time.monotonic()):
            pass
        _, status = os.waitpid(self._pid, 0)
        self._pid = 0
        return os.waitstatus_to_exitcode(status)

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._fd], [], [], max(seconds, 0))
        try:
            data = os.read(self._fd, 4096) if ready else b""
        except OSError:  # the other side is closed
            data = b""
        self.seen += data.decode(errors="replace")
        self.screen += data.decode(errors="replace")
        return bool(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        os.close(self._fd)
