"""Ctrl-C and SIGTERM as a question that a job asks, so that it stops between two steps and cleans up."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def stop_when_asked() -> Iterator[Callable[[], bool]]:
    """Whether somebody asked to stop. A second signal does not wait for the answer: KeyboardInterrupt.

    Of use in the main thread only. A signal that is ignored, as under `nohup`, stays so.
    """
    asked = False

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            signal.default_int_handler(number, frame)
        asked = True

    before = {number: signal.getsignal(number) for number in _SIGNALS}
    for number, handler in before.items():
        if handler != signal.SIG_IGN:
            signal.signal(number, ask)
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
