"""The thread on which an object store is asked."""

import asyncio
import gc
import os
import signal
import threading
import time

import pytest

from vaultd.copies.bucket import _Loop
from vaultd.copies.refusals import Cause, Failed


async def silent() -> None:
    await asyncio.sleep(60)


def test_ctrl_c_is_heard_while_a_store_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    began = time.monotonic()
    press = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    try:
        press.start()
        with pytest.raises(KeyboardInterrupt):
            _Loop().run(silent, 60)
    finally:
        press.join()
        signal.signal(signal.SIGINT, before)
    gc.collect()
    while any(thread.name == "object store" for thread in threading.enumerate()):
        time.sleep(0.01)
    gc.collect()
    assert caplog.text == ""  # such as: a task was destroyed while it was pending
    assert time.monotonic() - began < 30


def test_a_call_ends_with_its_time() -> None:
    with pytest.raises(Failed) as failed:
        _Loop().run(silent, 0.1)
    assert (failed.value.cause, failed.value.code) == (Cause.OTHER, "timeout")
