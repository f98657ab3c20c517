"""Something happens while a copy is being written, or to whoever answers for it."""

import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread

from vaultd.copies.contract import Copy
from vaultd.errors import Unreachable, VaultdError


def put_until(copy: Copy, name: str, data: bytes, behind: Path, act: Callable[[], None]) -> list[VaultdError]:
    """Put a large file, and do something when a part of it is there, below `behind`; what `put` raised."""
    raised: list[VaultdError] = []

    def put() -> None:
        try:
            copy.put(name, data)
        except VaultdError as error:
            raised.append(error)

    thread = Thread(target=put)
    thread.start()
    while not any(path.stat().st_size for path in behind.rglob("*.tmp")):
        assert thread.is_alive()
    act()
    thread.join()
    return raised


def eventually(action: Callable[[], object], seconds: float = 20.0) -> None:
    """After a connection could not be made, none is tried for a moment."""
    end = time.monotonic() + seconds
    while True:
        try:
            action()
        except Unreachable:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return
