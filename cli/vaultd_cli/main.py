"""The entry: arguments in, exit code out. The rest is loaded inside `main`, where Ctrl-C is quiet already."""

import atexit
import gc
import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vaultd_cli.run import Run

COMPLETE = "_VAULTD_COMPLETE"
_STDERR = 2
# Python looks for cycles after every 700 new containers. A snapshot makes a dozen for each file and no cycle,
# and looking took a tenth of it.
_NEW_BEFORE_COLLECTING = 50_000


def main() -> None:
    """`vaultd`: run the command of sys.argv and exit with its code."""
    gc.set_threshold(_NEW_BEFORE_COLLECTING)
    _open_standard_streams()
    _make_signals_interrupt()
    try:
        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # a second one, while the first was being told
        code = 130
    _leave(code)


def run(argv: "Sequence[str]") -> int:
    """Run one command, say why if it fails, and return its exit code. Does not exit."""
    from vaultd_cli.run import Run

    _write_what_can_be_written()
    told = Run(json="--json" in argv)
    try:
        if COMPLETE in os.environ:
            return _complete(told)
        code = _invoke(told, argv)
        told.console.flush()
    except BaseException as error:  # noqa: BLE001  the outermost: every failure becomes a sentence
        return _tell(told, error)
    return code


def _invoke(told: "Run", argv: "Sequence[str]") -> int:
    import click

    from vaultd_cli.verbs import root

    try:
        with root().make_context("vaultd", list(argv), obj=told) as context:
            return context.command.invoke(context) or 0
    except click.exceptions.Exit as done:  # --help has answered
        return done.exit_code


def _complete(told: "Run") -> int:
    from click.shell_completion import shell_complete

    from vaultd_cli.verbs import root

    return shell_complete(root(), {"obj": told}, "vaultd", COMPLETE, os.environ[COMPLETE])


def _tell(told: "Run", error: BaseException) -> int:
    import click

    from vaultd_cli.console import ReaderLeft
    from vaultd_cli.failure import USAGE, explain

    if isinstance(error, ReaderLeft):
        return 1
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        sys.stderr.write(error.format_message() + "\n")
        return USAGE
    failure = explain(error, saving=told.saving)
    if told.verbosity:
        import traceback

        told.console.trace("".join(traceback.format_exception(error)))
    failure.show(told.console)
    return failure.exit_code


def _open_standard_streams() -> None:
    """Put /dev/null behind a closed stdin, stdout or stderr.

    Else the next file that is opened would take its number, and be written what is meant for the screen.
    """
    # The kernel gives the lowest free number.
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115


def _make_signals_interrupt() -> None:
    """SIGTERM and a closed terminal end a command as Ctrl-C does, so that it cleans up. `nohup` works."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


def _write_what_can_be_written() -> None:
    """A terminal that lacks a character shows its number instead of ending the program."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _leave(code: int) -> None:
    """Exit without a word about streams that nobody reads any more."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            code = code or 1
    # A thread of opendal may be on its way back into Python, and aborts the process where that is being taken
    # apart meanwhile. By now everything was written, closed and said.
    atexit._run_exitfuncs()
    os._exit(code)
