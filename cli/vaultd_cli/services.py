"""The service manager of this system, as far as the daemon needs it."""

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from vaultd_cli.run import Run

if TYPE_CHECKING:
    from vaultd.daemon.unit import Unit

# One that is asked over a bus that hangs.
_PATIENCE = 30.0


def command_of(run: Run) -> list[str]:
    """What is run to be the daemon of this home."""
    words = [sys.executable, "-P", "-m", "vaultd_cli", "daemon", "run"]
    home = _own_home(run)
    # Where the home was not asked for, the next process finds it as this one did.
    return words if home is None else [*words, "--home", home]


def unit_of(run: Run) -> "Unit":
    from vaultd.daemon.unit import unit

    return unit(command_of(run), _own_home(run))


def _own_home(run: Run) -> str | None:
    return str(run.home.config) if run.home.config == run.home.state else None


def load(run: Run, made: "Unit") -> None:
    """Start it now, and from now on; where no service manager answers, say what to run."""
    commands = _to_load(made)
    if not all(_works(command) for command in commands):
        run.console.tell("daemon.load-by-hand", command=" && ".join(" ".join(words) for words in commands))


def unload(made: "Unit") -> None:
    """End it. That nobody answers is not an error: then it does not run either."""
    for command in _to_unload(made):
        _works(command)


def _to_load(made: "Unit") -> list[list[str]]:
    if sys.platform == "darwin":
        return [["launchctl", "load", "-w", str(made.path)]]
    systemctl = ["systemctl", "--user"]
    return [
        [*systemctl, "daemon-reload"],
        [*systemctl, "enable", made.name],
        [*systemctl, "restart", made.name],
    ]


def _to_unload(made: "Unit") -> list[list[str]]:
    if sys.platform == "darwin":
        return [["launchctl", "unload", "-w", str(made.path)]]
    return [["systemctl", "--user", "disable", "--now", made.name]]


def linger(run: Run, *, asked: bool) -> None:
    """Run without anybody logged in, where that was asked for; else say how."""
    command = ["loginctl", "enable-linger"]
    if sys.platform == "darwin":
        return
    if asked and _works(command):
        run.console.answer("daemon.lingers")
    else:
        run.console.tell("daemon.linger", command=" ".join(command))


def _works(command: list[str]) -> bool:
    if shutil.which(command[0]) is None:
        return False
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
