"""A line at the bottom of the terminal that says how far a job is, and leaves no trace.

Drawn by a thread of its own, so that a job only counts: at most ten times a second, and still alive
while one large file is read. Nothing is drawn into a pipe; see `Run.progress`.
"""

import os
import threading
import time
from typing import Self, TextIO

from vaultd_cli import show
from vaultd_cli.catalogue import say

_SECONDS_BETWEEN = 0.1  # ten a second: smooth, and nothing beside the work
_SECONDS_BEFORE_GUESSING = 2.0
_CLEAR = "\r\x1b[K"


class ProgressLine:
    """A `vaultd.progress.Progress` that draws on `stream`, and clears the line when its `with` ends."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._drawing = threading.Lock()
        self._ended = threading.Event()
        self._drawn = False
        self._stage = "work"
        self._files = self._bytes = self._stored = 0
        self._all_files: int | None = None
        self._all_bytes: int | None = None
        self._began = time.monotonic()

    def stage(self, name: str) -> None:
        with self._lock:
            self._stage = name
            self._files = self._bytes = self._stored = 0
            self._all_files = self._all_bytes = None
            self._began = time.monotonic()

    def total(self, *, files: int | None = None, bytes: int | None = None) -> None:  # noqa: A002
        self._all_files, self._all_bytes = files, bytes

    def add(self, *, files: int = 0, bytes: int = 0, stored: int = 0) -> None:  # noqa: A002
        with self._lock:
            self._files += files
            self._bytes += bytes
            self._stored += stored

    def __enter__(self) -> Self:
        threading.Thread(target=self._draw_until_ended, name="progress", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.clear()

    def clear(self) -> None:
        """Take the line away, so that something else can be printed; it comes back by itself."""
        with self._drawing:
            if self._drawn:
                self._stream.write(_CLEAR)
                self._stream.flush()
                self._drawn = False

    def _draw_until_ended(self) -> None:
        while not self._ended.wait(_SECONDS_BETWEEN):
            try:
                self._draw(self.describe(time.monotonic()))
            except (OSError, ValueError):
                return  # the terminal is gone; the job need not care

    def _draw(self, line: str) -> None:
        with self._drawing:
            if not self._ended.is_set():
                self._stream.write(_CLEAR + show.cut(line, _columns_of(self._stream) - 1))
                self._stream.flush()
                self._drawn = True

    def describe(self, now: float) -> str:
        """What the line says at `now`, a time of the monotonic clock."""
        with self._lock:
            parts = [say(f"stage.{self._stage}"), *self._counts()]
            seconds = now - self._began
        if seconds > _SECONDS_BEFORE_GUESSING and self._bytes:
            parts.append(say("progress.rate", rate=round(self._bytes / seconds)))
            parts += self._guess(seconds)
        return "  ".join(parts)

    def _counts(self) -> list[str]:
        files = show.count(self._files)
        if self._all_files:
            files = f"{files}/{show.count(self._all_files)}"
        counts = [say("progress.files", files=files)] if self._files or self._all_files else []
        if self._all_bytes:
            counts.append(f"{show.size(self._bytes)}/{show.size(self._all_bytes)}")
        elif self._bytes:
            counts.append(show.size(self._bytes))
        return counts

    def _guess(self, seconds: float) -> list[str]:
        if not self._all_bytes or self._bytes >= self._all_bytes:
            return []
        return [say("progress.left", left=seconds * (self._all_bytes - self._bytes) / self._bytes)]


def _columns_of(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except OSError:
        return 80
