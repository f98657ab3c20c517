"""One run of vaultd: what was asked for on every command, and the means that a command answers with.

A command gets its `Run` as first argument:

    @command("ls", unlocks=True)
    @click.argument("selector")
    def ls(run: Run, selector: str) -> int | None:
        with run.vault() as session, run.progress() as progress:
            ...
        run.console.table([Column("column.name")], rows)
        return 3   # an exit code; None is 0. Failures are raised, as vaultd.errors or OSError.
"""

import os
import sys
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from vaultd_cli.console import Console, nothing

# `vaultd --help` makes a Run too; what it does not need is imported where it is used.
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from vaultd.credentials import Credential
    from vaultd.errors import VaultdError
    from vaultd.jobs.session import Session
    from vaultd.progress import Progress
    from vaultd.settings import Home, Place, Settings
    from vaultd.store.anywhere import Anywhere

_T = TypeVar("_T")
# What is said while this waits, by what the daemon does.
_WAITS = {
    "look": "daemon.wait-look",
    "save": "daemon.wait-save",
    "catch-up": "daemon.wait-catch-up",
    "heal": "daemon.wait-heal",
}


@dataclass
class Run:
    """Global options as given, and what follows from them. `key` is the one slot to try, or empty;
    `saving` that a snapshot is being made, so that who stops it is told what becomes of it; `limit_upload` is
    in KiB per second, 0 as the settings say; `told_away` the ids of the copies of which this run has said
    already why they cannot be used; `given_up` names of files that could not be mended.
    """

    json: bool = False
    quiet: bool = False
    verbosity: int = 0
    home_folder: str | None = None
    passphrase_file: str | None = None
    passphrase_command: str | None = None
    recovery_code_file: str | None = None
    key_file: str | None = None
    key: str = ""
    saving: bool = False
    limit_upload: int = 0
    told_away: set[bytes] = field(default_factory=set)
    given_up: set[str] = field(default_factory=set)

    @cached_property
    def console(self) -> Console:
        return Console(as_json=self.json, quiet=self.quiet, verbosity=self.verbosity)

    @cached_property
    def home(self) -> "Home":
        """Where this vault's files on this computer are; nothing is created."""
        from vaultd.settings import find_home

        return find_home(self.home_folder)

    @cached_property
    def settings(self) -> "Settings":
        """Raises NoVault, BadSettings, OSError."""
        from vaultd.settings import load

        return load(self.home)

    @property
    def may_ask(self) -> bool:
        """Whether there is a person: a terminal, and no --json."""
        if self.json:
            return False
        try:
            os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
        except OSError:
            return False
        return True

    def credential(self) -> "Credential | None":
        """What was handed over to open the vault with, or None: ask. Options beat VAULTD_PASSPHRASE_FILE.

        Raises BadUsage (more than one was given), EmptyPassphrase, CommandFailed, OSError.
        """
        from vaultd.errors import BadUsage
        from vaultd_cli import ask

        given = [self.passphrase_file, self.passphrase_command, self.recovery_code_file, self.key_file]
        if sum(map(bool, given)) > 1:
            raise BadUsage("one-credential")
        if self.passphrase_command:
            return ask.passphrase_from_command(self.passphrase_command)
        if self.recovery_code_file:
            return ask.recovery_code_from_file(self.console, self.recovery_code_file)
        if self.key_file:
            return ask.key_from_file(self.console, self.key_file)
        path = self.passphrase_file or os.environ.get("VAULTD_PASSPHRASE_FILE")
        return ask.passphrase_from_file(self.console, path) if path else None

    def unlock(self, opener: "Callable[[Credential], _T]") -> _T:
        """Call `opener` with what opens the vault, and return what it returns.

        Something that was handed over is tried once; a person at a terminal may try three times.
        `opener` raises WrongKey for a credential that opens nothing. No secret is read before memory
        is kept out of core dumps. Raises what `credential` and `opener` raise, and NeedsPassphrase.
        """
        from vaultd.errors import NeedsPassphrase, WrongKey
        from vaultd.hardening import keep_memory_private
        from vaultd_cli import ask

        keep_memory_private()
        given = self.credential()
        if given is not None:
            return opener(given)
        with suppress(WrongKey):  # a key that was removed meanwhile; ask
            if left_here := self._key_left_here():
                return opener(left_here)
        if self.json:
            raise NeedsPassphrase
        return ask.until_it_opens(self.console, opener)

    def _key_left_here(self) -> "Credential | None":
        from vaultd.errors import Refused
        from vaultd.format.slot import parse_key_file
        from vaultd.jobs.ownkey import own_key

        left = None if self.key else own_key(self.home)
        try:
            if left:
                parse_key_file(left.content.decode("ascii", "replace"))
        except Refused:  # this file is the computer's, not the vault's
            self.console.warn("open.bad-device-key", path=self.home.device_key_file)
            return None
        return left

    @contextmanager
    def vault(
        self, *, writing: bool = False, away: bool = False, avoid: "Mapping[bytes, VaultdError] | None" = None
    ) -> "Iterator[Session]":
        """The vault of this home, open until the end of the `with`; see `open_vault` for `away` and `avoid`.

        What was handed over opens it, else the key that `key unlock` left on this computer, else the
        person at the terminal. With `writing` this is the one writer: the daemon is waited for, and Busy is
        raised before anybody is asked.
        Raises NoVault, BadSettings, WrongKey, NoSuchKey, Busy, and what `unlock` raises.
        """
        from vaultd.copies.pace import UPLOAD
        from vaultd.daemon.calling import turn
        from vaultd.jobs.elsewhere import from_anywhere
        from vaultd.jobs.opening import open_for_writing, open_vault
        from vaultd.store.lock import writer_lock
        from vaultd_cli.failure import sentence

        # What can be refused is refused before anybody is asked for a passphrase.
        limit = self.limit_upload or self.settings.limit_upload
        UPLOAD.limit(limit * 1024 if limit else None)
        enter = open_for_writing if writing else open_vault
        with ExitStack() as stack:
            if writing:
                stack.enter_context(turn(self.home.socket_file, self._tell_waiting))
                with writer_lock(self.home.lock_file):
                    pass
            session = self.unlock(
                lambda given: stack.enter_context(
                    enter(self.home, given, self.key or None, away=away, avoid=avoid or {})
                )
            )
            for place, error in session.passed_over:
                why = sentence(error, self.console)
                if session.away:
                    self.console.warn("open.away", why=why)
                else:
                    self.console.warn("open.passed-over", label=place.label, url=place.url, why=why)
                self.told_away.add(place.copy_id)
            if session.delivered:
                self.console.tell("open.delivered", label=session.place.label, files=session.delivered)
            if session.lacks.records:
                lacks = {"records": session.lacks.records, "snapshots": session.lacks.snapshots}
                self.console.warn("open.older", label=session.place.label, **lacks)
            if session.replaced is not None:
                self.console.warn("open.new-device")
            session.blobs = anywhere = stack.enter_context(from_anywhere(session))
            yield session
            if not writing:
                self.mend(session, anywhere)
            if anywhere.helped:
                self.console.warn("copies.helped", label=session.place.label)

    def mend(self, session: "Session", anywhere: "Anywhere") -> None:
        """Put right in the copy in use what had to be read from another; once for each file."""
        from vaultd.daemon.calling import turn
        from vaultd.errors import VaultdError
        from vaultd.jobs.mending import mend_met

        if set(anywhere.helped) <= self.given_up:
            return
        mended = []
        with suppress(VaultdError, OSError):
            socket, waits = self.home.socket_file, self._tell_waiting
            mended = mend_met(session, anywhere, lambda: turn(socket, waits)).names
        self.given_up |= set(anywhere.helped)
        if mended:
            self.console.warn("copies.helped-mended", label=session.place.label, files=len(mended))

    def _tell_waiting(self, doing: str) -> None:
        self.console.tell(_WAITS.get(doing, "daemon.wait-turn"))

    def why_away(self, place: "Place", error: Exception) -> str:
        """Why a copy cannot be used, to stand within another sentence; nothing where that was said before."""
        from vaultd_cli.failure import sentence

        return "" if place.copy_id in self.told_away and not self.json else sentence(error, self.console)

    @contextmanager
    def progress(self) -> "Iterator[Progress]":
        """A line that follows a job; silence with -q, with --json, and where stderr is no terminal."""
        if self.quiet or self.json or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
            from vaultd.progress import Silent

            yield Silent()
            return
        from vaultd_cli.progress import ProgressLine

        with ProgressLine(sys.stderr) as line:
            self.console.clear_line = line.clear
            try:
                yield line
            finally:
                self.console.clear_line = nothing
