"""The daemon as a service of its user: a unit for systemd, or an agent for launchd on macOS.

Only what was written here is ever replaced or removed: it begins with a line that says so.
"""

import contextlib
import hashlib
import os
import plistlib
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vaultd.errors import NotOurs
from vaultd.settings import write_whole

MARK = "Written by “vaultd daemon install”; “vaultd daemon uninstall” removes it."
# What starting again does not cure: wrong usage, no vault, another daemon, no key.
_HOPELESS = "2 10 11 12"
# The loop tells that it goes on many times in that; one that hangs is started anew.
_WATCHDOG = "30min"
_PLAIN = re.compile(r"""[^$"'\\\x00-\x1f\x7f]*""")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "%": "%%", "$": "$$"}


@dataclass(frozen=True, slots=True)
class Unit:
    """One file: its name for the service manager, where it stands, and what is in it."""

    name: str
    path: Path
    text: bytes


def unit(command: Sequence[str], home: str | None, environ: Mapping[str, str] = os.environ) -> Unit:
    """The one for this system that runs `command`. A vault with a `home` of its own has a unit of its own."""
    suffix = f"-{hashlib.blake2b(os.fsencode(home), digest_size=4).hexdigest()}" if home else ""
    user = Path(environ.get("HOME") or os.path.expanduser("~"))
    if sys.platform == "darwin":
        name = f"vaultd.daemon{suffix}"
        return Unit(name, user / "Library/LaunchAgents" / f"{name}.plist", agent(name, command))
    name = f"vaultd{suffix}.service"
    configuration = environ.get("XDG_CONFIG_HOME", "")
    base = Path(configuration) if os.path.isabs(configuration) else user / ".config"
    return Unit(name, base / "systemd/user" / name, service(command))


def service(command: Sequence[str]) -> bytes:
    """A unit of systemd (systemd.service(5), systemd.exec(5)), as far hardened as a program can be that must
    see every mount that comes, and read whatever its user can.
    """
    return f"""# {MARK}
[Unit]
Description=vaultd: what changes is saved, encrypted, on every copy

[Service]
Type=notify
ExecStart={" ".join(map(quoted, startable(command)))}
ExecReload=/bin/kill -HUP $MAINPID
WatchdogSec={_WATCHDOG}
TimeoutStartSec=10min
TimeoutStopSec=20s
KillMode=mixed
Restart=on-failure
RestartSec=30s
RestartPreventExitStatus={_HOPELESS}
Nice=5
IOSchedulingPriority=6
UMask=0077
LimitCORE=0
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK

[Install]
WantedBy=default.target
""".encode()


def startable(command: Sequence[str]) -> Sequence[str]:
    """The same command, by way of a shell where its program is in a folder whose name systemd refuses: with
    quotes, dollars, or control characters.
    """
    if _PLAIN.fullmatch(command[0]):
        return command
    return ["/bin/sh", "-c", 'exec "$0" "$@"', *command]


def quoted(word: str) -> str:
    """A word of a command line in a unit, whatever bytes are in it."""
    shown = "".join(_ESCAPES.get(letter, letter) for letter in word)
    return '"' + "".join(f"\\x{ord(each) - 0xDC00:02x}" if _is_a_byte(each) else each for each in shown) + '"'


def _is_a_byte(letter: str) -> bool:
    return 0xDC80 <= ord(letter) <= 0xDCFF


def agent(name: str, command: Sequence[str]) -> bytes:
    """An agent of launchd (launchd.plist(5))."""
    words = {
        "Comment": MARK,
        "Label": name,
        "ProgramArguments": list(command),
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": 30,
        "ProcessType": "Background",
        "LowPriorityIO": True,
        "Umask": 0o077,
    }
    return plistlib.dumps(words)


def install(made: Unit) -> bool:
    """Write it, whole or not at all; whether it was another before, or none. Raises NotOurs, OSError."""
    before = _ours(made)
    if before == made.text:
        return False
    made.path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(made.path, made.text)
    return True


def check_ours(made: Unit) -> None:
    """That there is none is not an error. Raises NotOurs, OSError."""
    _ours(made)


def uninstall(made: Unit) -> bool:
    """Remove it; whether there was one. Raises NotOurs, OSError."""
    if _ours(made) is None:
        return False
    made.path.unlink(missing_ok=True)
    return True


def _ours(made: Unit) -> bytes | None:
    with contextlib.suppress(FileNotFoundError):
        text = made.path.read_bytes()
        if MARK.encode() in text:
            return text
        raise NotOurs(str(made.path))
    return None
