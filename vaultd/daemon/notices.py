"""Notices, from what was noticed to an owner who knows: into the journal first, then by every channel, again
and again until it is taken or acknowledged.

The service writes what is to be written, since it is the one that opens the vault; a thread of its own waits
for the channels.
"""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import msgspec
from blake3 import blake3

from vaultd.daemon.noticed import Due, Noticed
from vaultd.daemon.sending import Sent, send
from vaultd.errors import VaultdError
from vaultd.format.noticing import NoticeBody
from vaultd.jobs.incidents import NOTICE as INCIDENT
from vaultd.jobs.notices import write_attempt, write_notice
from vaultd.jobs.session import Session
from vaultd.settings import Channel, Home, load
from vaultd.tree.notices import Attempt, Notice, open_notices

# After a try that failed: a server that is being restarted, a night without a network, a week away. The last
# goes on until somebody acknowledges.
PAUSES = (60.0, 300.0, 1800.0, 7200.0, 21_600.0, 86_400.0)
# So many tries that failed are worth a notice on the other channels.
FAILURES = 3
EACH = 5.0
# What waits for the journal for longer than an hour is told without it.
UNWRITTEN_NS = 3600 * 10**9
# What looks like a wipe is told again each day, until its owner says that he knows.
AGAIN = 86_400.0
_NS = 1e9
Words = Callable[[Notice], tuple[str, str]]
"""The title and the text of a notice, in the language of its owner."""


@dataclass(frozen=True, slots=True)
class _Tried:
    notice: bytes
    attempt: Attempt


class Notices:
    """From `start` to `stop`. `words` is called in a thread of its own."""

    def __init__(self, home: Home, words: Words, sending: Callable[[Channel, str, str], Sent] = send) -> None:
        self.noticed = Noticed(home.state / "notices.json")
        self._home, self._words, self._send = home, words, sending
        self._lock = threading.Lock()
        self._open: list[Notice] = []
        self._tried: list[_Tried] = []
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self, seconds: float = 1.0) -> None:
        """In the middle of anything. What a channel was just told may be told again after the next start."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(seconds)

    # By the thread of the service, with the vault open.

    def look(self, session: Session) -> None:
        """Learn which notices are open. Those of another computer are its to tell."""
        mine = [each for each in open_notices(session.vault.journal) if each.device in session.devices]
        with self._lock:
            self._open = mine
            for tried in self._tried:
                self._add(tried)

    def waits(self) -> bool:
        """Whether there is something to be written."""
        return bool(self.noticed.due() or self._tried)

    def write(self, session: Session) -> None:
        """Into the journal. What was written is not written again, wherever this is interrupted."""
        for due in self.noticed.due():
            known = _known(session, due)
            if known is None:
                known = write_notice(session, due.what, due.about, due.facts, due.time)
            with self._lock:
                unwritten = _unwritten_id(due)
                self._tried = [
                    replace(tried, notice=known) if tried.notice == unwritten else tried
                    for tried in self._tried
                ]
            self.noticed.written(due)
        while self._tried:
            tried = self._tried[0]
            write_attempt(session, tried.notice, tried.attempt)
            with self._lock:
                self._tried.remove(tried)
        self.look(session)

    # By the thread of the channels.

    def _run(self) -> None:
        while not self._stopped.wait(EACH):
            self.tell()

    def tell(self) -> None:
        """Hand every open notice to every channel whose turn it is."""
        with self._lock:
            notices = list(self._open)
        notices += self._unwritten()
        # Asked every few seconds, all day: the settings are read only where there is something to tell.
        channels = self._channels() if notices else ()
        for notice in notices:
            for channel in channels:
                if not self._stopped.is_set() and is_due(notice, channel, time.time()):
                    self._tell(notice, channel)

    def _channels(self) -> tuple[Channel, ...]:
        """None where the settings cannot be read now."""
        try:
            return load(self._home).channels
        except (VaultdError, OSError):
            return ()

    def _unwritten(self) -> list[Notice]:
        """What the journal did not take for too long, as where every copy is full, is told all the same."""
        dues, now = self.noticed.due(), time.time_ns()
        # A clock that was set back must not keep it from being told.
        late = [due for due in dues if abs(now - due.time) >= UNWRITTEN_NS]
        with self._lock:
            tried = list(self._tried)
        return [_as_notice(due, tried) for due in late]

    def _tell(self, notice: Notice, channel: Channel) -> None:
        sent = self._send(channel, *self._words(notice))
        tried = _Tried(notice.id, Attempt(time.time_ns(), channel.name, sent.taken, sent.answer))
        with self._lock:
            self._tried.append(tried)
            self._add(tried)
            # Meanwhile it may have been learned anew.
            now = next((each for each in self._open if each.id == notice.id), notice)
            failures = sum(not each.taken for each in _by(now, channel))
        if sent.taken:
            self.noticed.ends("channel", channel.name)
        elif failures >= FAILURES:
            self.noticed.holds("channel", channel.name, {"tries": FAILURES})

    def _add(self, tried: _Tried) -> None:
        for notice in self._open:
            if notice.id == tried.notice and tried.attempt not in notice.attempts:
                notice.attempts.append(tried.attempt)


def is_due(notice: Notice, channel: Channel, now: float) -> bool:
    """Whether this channel is to be told now (seconds since 1970). A channel is not told of itself."""
    tries = _by(notice, channel)
    is_of_itself = (notice.body.what, notice.body.about) == ("channel", channel.name)
    if is_of_itself or (notice.body.what != INCIDENT and any(each.taken for each in tries)):
        return False
    if not tries:
        return True
    last = max(tries, key=lambda each: each.time)
    since = now - last.time / _NS
    if last.taken:
        return since < 0 or since >= AGAIN
    # A clock that was set back must not keep it from being told.
    return since < 0 or since >= PAUSES[min(len(tries), len(PAUSES)) - 1]


def _by(notice: Notice, channel: Channel) -> list[Attempt]:
    return [each for each in notice.attempts if each.channel == channel.name]


def _known(session: Session, due: Due) -> bytes | None:
    """The id of an open notice that says the same already."""
    for notice in open_notices(session.vault.journal):
        body = notice.body
        if (body.what, body.about, body.facts) == (due.what, due.about, due.facts):
            return notice.id
    return None


def _unwritten_id(due: Due) -> bytes:
    """What stands for the id of a record that is not written yet."""
    return blake3(msgspec.msgpack.encode(due)).digest()


def _as_notice(due: Due, tried: Iterable[_Tried]) -> Notice:
    body = NoticeBody(what=due.what, about=due.about, facts=due.facts)
    notice = Notice(_unwritten_id(due), b"", due.time, body)
    notice.attempts += [each.attempt for each in tried if each.notice == notice.id]
    return notice
