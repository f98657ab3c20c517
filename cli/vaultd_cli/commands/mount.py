"""`vaultd mount` and `vaultd umount`: old states as a folder."""

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from vaultd.errors import NotMounted
from vaultd_cli.catalogue import say
from vaultd_cli.command import command
from vaultd_cli.run import Run

_STDERR = 2
_LOG = "mount.log"
# What the log may have before the next mount puts it aside.
_LOG_BYTES = 1 << 20


@command("mount", unlocks=True)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--foreground", "-f", is_flag=True, help=say("option.foreground"))
@click.option("--allow-other", is_flag=True, help=say("option.allow-other"))
def mount(run: Run, folder: Path, foreground: bool, allow_other: bool) -> int:
    from vaultd.mount import binding, point
    from vaultd.mount.allocator import keep_what_is_free

    keep_what_is_free()
    binding.refuse_without()
    folder = folder.expanduser().absolute()
    if point.is_stale(folder):
        point.unmount(folder)
        run.console.tell("mount.stale", path=str(folder))
    with _made(folder):
        point.refuse(folder)
        if foreground:
            return _serve(run, folder, _nothing, allow_other=allow_other)
        return _behind(run, lambda ready: _serve(run, folder, ready, allow_other=allow_other))


@command("umount")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def umount(run: Run, folder: Path) -> None:
    from vaultd.mount import point

    folder = folder.expanduser().absolute()
    point.unmount(folder)
    _answer(run, folder, mounted=False)


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """A folder, made where there is none. What was made here goes again where nothing came to be mounted on
    it: it may lie in a source, or in a copy.
    """
    is_new = not folder.exists() and folder.parent.is_dir()
    if is_new:
        folder.mkdir()
    try:
        yield
    except BaseException:
        if is_new:
            with suppress(OSError):  # which it is also where something is mounted, or lies in it
                folder.rmdir()
        raise


def _answer(run: Run, folder: Path, *, mounted: bool) -> None:
    if run.json:
        run.console.json({"path": str(folder), "mounted": mounted})
    elif mounted:
        run.console.answer("mount.mounted", path=str(folder))
    else:
        run.console.answer("mount.unmounted", path=str(folder))


def _nothing() -> None:
    pass


def _serve(run: Run, folder: Path, ready: Callable[[], None], *, allow_other: bool) -> int:
    from vaultd.browse.past import Past
    from vaultd.jobs.elsewhere import from_anywhere
    from vaultd.mount import point
    from vaultd.mount.serving import serve

    with run.vault(away=True) as session, from_anywhere(session) as blobs, _library_silent() as said:
        point.refuse_here(session, folder)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            # Python's own handlers would wait for the end of what they are to end.
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, signal.SIG_DFL)

        def began() -> None:
            said.stop()
            _answer(run, folder, mounted=True)
            run.console.flush()
            ready()

        past = Past(session.vault, blobs, lambda: run.mend(session, blobs))
        try:
            serve(past, folder, began, allow_other=allow_other)
        except RuntimeError:
            raise NotMounted(str(folder), said.stop()) from None
    return 0


class _Silenced:
    """What the library says on its way, which means something only where it fails."""

    def __init__(self) -> None:
        self._true, self._said = os.dup(_STDERR), tempfile.TemporaryFile()  # noqa: SIM115 - closed by `stop`
        os.dup2(self._said.fileno(), _STDERR)

    def stop(self) -> str:
        """The last line of it. Stopping twice is not an error."""
        if self._said.closed:
            return ""
        os.dup2(self._true, _STDERR)
        os.close(self._true)
        with self._said:
            self._said.seek(0)
            lines = self._said.read().decode("utf-8", "replace").split("\n")
        return ([""] + [line.strip() for line in lines if line.strip()])[-1]


@contextmanager
def _library_silent() -> Iterator[_Silenced]:
    silenced = _Silenced()
    try:
        yield silenced
    finally:
        silenced.stop()


def _behind(run: Run, serve: Callable[[Callable[[], None]], int]) -> int:
    """In a process of its own, which may still ask for a passphrase here. The code of this one, once that is
    ready or has failed.
    """
    mine, its = os.pipe()
    child = os.fork()
    if child:
        os.close(its)
        is_ready = bool(os.read(mine, 1))
        os.close(mine)
        return 0 if is_ready else os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.close(mine)

    def ready() -> None:
        _let_go_of_the_terminal(run)
        os.write(its, b"1")
        os.close(its)

    return serve(ready)


def _let_go_of_the_terminal(run: Run) -> None:
    """From now on nobody reads what is said, unless in the log."""
    os.setsid()
    log = run.home.state / _LOG
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.replace(log.with_suffix(".old.log"))
    nothing = os.open(os.devnull, os.O_RDONLY)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number, file in ((0, nothing), (1, out), (2, out)):
        os.dup2(file, number)
