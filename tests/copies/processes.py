"""Processes of test servers, and ports that nobody uses."""

import contextlib
import os
import socket
from pathlib import Path


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    return port


def tree(pid: int) -> list[int]:
    """A process and all that it has begun, whatever groups they are in."""
    pids = [pid]
    for each in pids:
        pids += _children(each)
    return pids


def send(pid: int, number: int) -> None:
    """A signal; one who is gone does not mind."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []
