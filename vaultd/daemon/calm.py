"""Work that nobody waits for: at the lowest priority, and not while the battery runs down."""

import contextlib
import ctypes
import gc
import os
import platform
import threading
import time
from pathlib import Path

POWER = Path("/sys/class/power_supply")
_NICE = 15
# ioprio_set(2), which glibc has no name for: of a thread (1), its class idle (3).
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}
_THREAD, _IDLE = 1, 3 << 13


def give_way() -> None:
    """From now on this thread, and those that it starts, get what others leave of the processor and of the
    disks. Where the system has no such thing it goes on as it was.
    """
    try:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
    except (OSError, AttributeError):
        return
    if number := _IOPRIO_SET.get(platform.machine()):
        ctypes.CDLL(None).syscall(number, _THREAD, 0, _IDLE)


def battery(power: Path = POWER) -> int | None:
    """How full the batteries are that run down now, in percent, the emptiest one; None where none does, or
    nothing is known.
    """
    levels = []
    for folder in power.glob("*"):
        try:
            kind, scope = _read(folder / "type"), folder / "scope"
            of_a_device = scope.exists() and _read(scope) == "Device"  # of a mouse, say
            if kind == "Battery" and not of_a_device and _read(folder / "status") == "Discharging":
                levels.append(int(_read(folder / "capacity")))
        except (OSError, ValueError):
            continue
    return min(levels, default=None)


def _read(file: Path) -> str:
    return file.read_text().strip()


def give_memory_back() -> None:
    """The buffers of a snapshot are free by now, and the C library would keep them for the next: 16 MB more
    each time, up to some hundred.
    """
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)


def asleep() -> float:
    """Seconds that this computer slept since it was switched on; only differences mean anything."""
    if not hasattr(time, "CLOCK_BOOTTIME"):
        return 0.0
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic()
