"""Every way vaultd can fail, as data.

Each class says in its docstring what happened; its fields carry the facts. The sentences that a person
reads stand in the catalogue of the command line, keyed by class name, so an error never holds a finished
sentence. Three answers are never mixed up, here or anywhere above:

* `Missing`: the place answered, and the thing is not there;
* `Damaged`: the thing is there, and is not what it must be;
* `Unreachable`: the place did not answer, so nothing is known.

Catch by class, never by text.
"""

from dataclasses import dataclass, fields
from typing import ClassVar


@dataclass(eq=False)
class VaultdError(Exception):
    """Something failed."""

    exit_code: ClassVar[int] = 1

    def __str__(self) -> str:
        facts = ", ".join(f"{f.name}={getattr(self, f.name)!r}" for f in fields(self))
        return f"{type(self).__name__}({facts})"


# What a place holds, or does not.


@dataclass(eq=False)
class Missing(VaultdError):
    """The copy answered, and does not hold this file or blob."""

    exit_code: ClassVar[int] = 20
    name: str
    copy: str = ""


@dataclass(eq=False)
class Damaged(VaultdError):
    """The file or blob is there, and its bytes are not what its name or seal says."""

    exit_code: ClassVar[int] = 20
    name: str
    copy: str = ""
    reason: str = ""


@dataclass(eq=False)
class Unreachable(VaultdError):
    """The copy did not answer, or answered with an error; nothing is known about the file."""

    copy: str
    reason: str = ""


@dataclass(eq=False)
class Unreadable(Unreachable):
    """The copy answers, but not for this file: a bad sector, perhaps. What stands there is not known."""

    exit_code: ClassVar[int] = 20
    name: str = ""


@dataclass(eq=False)
class HostUnknown(Unreachable):
    """Nothing here says that this host is the right one: no key of it is in the file of known hosts.

    `fingerprint` ("SHA256:…") is of the key that it showed; `known_hosts` where a key of it was looked for.
    """

    host: str = ""
    port: int = 0
    fingerprint: str = ""
    known_hosts: str = ""


@dataclass(eq=False)
class HostChanged(HostUnknown):
    """The host showed another key than the one that is known of it: it was set up anew, or it is another."""


@dataclass(eq=False)
class LoginRefused(Unreachable):
    """The host is the right one, and let us in with none of our keys; or the file of the key is unusable."""

    host: str = ""
    user: str = ""
    key_file: str = ""


@dataclass(eq=False)
class PasswordRefused(Unreachable):
    """The host does not let this user in with the password that we have."""

    host: str = ""
    user: str = ""


@dataclass(eq=False)
class ShareUnknown(Unreachable):
    """The host answers, and has no share of that name, or not for this user."""

    host: str = ""
    share: str = ""


@dataclass(eq=False)
class Full(VaultdError):
    """No room is left where vaultd must write."""

    place: str
    free: int = 0


@dataclass(eq=False)
class ReadOnly(VaultdError):
    """The place can be read but not written."""

    place: str


@dataclass(eq=False)
class WrongPlace(VaultdError):
    """What is mounted here is not the copy that was enrolled."""

    place: str
    expected: str = ""
    found: str = ""


@dataclass(eq=False)
class Refused(VaultdError):
    """Bytes that the format does not allow. `reason` is one of the words of docs/format.md, section 12."""

    exit_code: ClassVar[int] = 20
    reason: str
    detail: str = ""


# Opening a vault.


@dataclass(eq=False)
class NoVault(VaultdError):
    """There is no vault here; `near` is a copy in a folder close by, if one was looked for and found."""

    exit_code: ClassVar[int] = 10
    place: str
    near: str = ""


@dataclass(eq=False)
class Headless(VaultdError):
    """Files of a vault are here, and the `vault.id` that says which copy this is, is not."""

    exit_code: ClassVar[int] = 20
    place: str


@dataclass(eq=False)
class VaultExists(VaultdError):
    """There is a vault here already."""

    place: str


@dataclass(eq=False)
class InUse(VaultExists):
    """This computer uses a vault already; `place` is where its settings for that are."""


@dataclass(eq=False)
class NotEmpty(VaultdError):
    """A new copy needs an empty folder, and this one holds other things."""

    path: bytes


@dataclass(eq=False)
class Busy(VaultdError):
    """Another vaultd is writing."""

    exit_code: ClassVar[int] = 11
    place: str
    pid: int = 0


@dataclass(eq=False)
class NotOurs(VaultdError):
    """A file stands there that somebody else wrote."""

    path: str


@dataclass(eq=False)
class WrongKey(VaultdError):
    """No key slot opens with this passphrase, key file or recovery code; `damaged` more cannot be tried."""

    exit_code: ClassVar[int] = 12
    damaged: int = 0


@dataclass(eq=False)
class NoKeys(VaultdError):
    """The copy holds a vault and no whole key slot; `damaged` are there, and are not what they must be."""

    exit_code: ClassVar[int] = 20
    copy: str
    damaged: int = 0


@dataclass(eq=False)
class BadRecoveryCode(VaultdError):
    """The words are not a recovery code; `word` is the first that is not in the list, if one is."""

    exit_code: ClassVar[int] = 12
    word: str = ""


@dataclass(eq=False)
class BadRandomness(VaultdError):
    """The system's source of randomness repeated itself; nothing may be encrypted with what it gives."""


@dataclass(eq=False)
class NoSuchKey(VaultdError):
    """No key slot has this id."""

    key: str


@dataclass(eq=False)
class LastKey(VaultdError):
    """Removing this slot would leave the vault without one."""

    key: str


@dataclass(eq=False)
class TooNew(VaultdError):
    """The vault holds something that this version does not know, and must not touch."""

    what: str


@dataclass(eq=False)
class NoSuchCopy(VaultdError):
    """The settings name no copy like this."""

    exit_code: ClassVar[int] = 2
    copy: str


@dataclass(eq=False)
class SamePlace(VaultdError):
    """Two copies must stand in two places, and this place is that of the other copy already."""

    place: str


@dataclass(eq=False)
class BadCopyName(VaultdError):
    """A copy cannot be called this: it is empty, long, or cannot be shown."""

    exit_code: ClassVar[int] = 2
    name: str


@dataclass(eq=False)
class CopyNameTaken(VaultdError):
    """Another copy has this name."""

    name: str


@dataclass(eq=False)
class UnfitPlace(VaultdError):
    """What was written there for a trial did not come back as it must: `problem` says in which of the ways of
    `copies.probing.Facts`.
    """

    place: str
    problem: str


@dataclass(eq=False)
class LastCopy(VaultdError):
    """A vault needs a copy, and this is the only one."""

    copy: str


@dataclass(eq=False)
class OnlyThere(VaultdError):
    """So many files are in this copy, and in no other one that answers."""

    copy: str
    files: int


@dataclass(eq=False)
class LostTooMuch(VaultdError):
    """A copy lost, or has damaged, more than a handful of its files: it is neither written nor counted until
    its owner says so.
    """

    exit_code: ClassVar[int] = 20
    copy: str
    files: int
    of: int


@dataclass(eq=False)
class RolledBack(LostTooMuch):
    """The log of a copy ends `files` records before record `of` of a device, which it had once:
    an older state of it was put in its place.
    """


@dataclass(eq=False)
class SpoolFull(VaultdError):
    """The copy is away, and as much waits on this computer to be brought to it as may: `most` bytes, or what
    its disk has room for.
    """

    copy: str
    most: int


@dataclass(eq=False)
class BadUrl(VaultdError):
    """This cannot be the URL of a copy. `problem` is "scheme" (no such kind of place), "shape", or "password"
    (it has one, which would be seen by everybody); what is shown of it holds no password.
    """

    exit_code: ClassVar[int] = 2
    url: str
    problem: str


@dataclass(eq=False)
class CopyGone(VaultdError):
    """This copy was enrolled here, and there is none now: most likely its disk is not mounted."""

    exit_code: ClassVar[int] = 10
    place: str
    copy: str = ""


# Sources and snapshots.


@dataclass(eq=False)
class NoSuchSource(VaultdError):
    """No source has this name or path."""

    source: str


@dataclass(eq=False)
class NoSources(VaultdError):
    """This computer saves no folder yet."""

    exit_code: ClassVar[int] = 2


@dataclass(eq=False)
class BadSourceName(VaultdError):
    """A source cannot have this name."""

    name: str


@dataclass(eq=False)
class NameTaken(VaultdError):
    """Another source has this name."""

    name: str


@dataclass(eq=False)
class NotAFolder(VaultdError):
    """This must be a folder, and is not."""

    path: bytes


@dataclass(eq=False)
class Overlap(VaultdError):
    """Two places that must be apart lie inside one another."""

    path: bytes
    other: bytes


@dataclass(eq=False)
class SourceGone(VaultdError):
    """The source's folder is not there."""

    source: str
    path: bytes


@dataclass(eq=False)
class SourceUnmounted(SourceGone):
    """Where the source's disk was mounted when it was last saved, there is another folder now."""


@dataclass(eq=False)
class SourceUnreadable(VaultdError):
    """The source's folder itself cannot be opened or listed, so nothing is known of what is in it."""

    source: str
    path: bytes
    reason: str


@dataclass(eq=False)
class SourceEmpty(VaultdError):
    """The source's folder is empty, and was not when it was last saved."""

    source: str
    path: bytes


@dataclass(eq=False)
class NoSuchNotice(VaultdError):
    """No notice has an id that begins so, or, where `found` is not 0, more than one."""

    notice: str
    found: int = 0


@dataclass(eq=False)
class NoSuchHold(VaultdError):
    """No hold has an id that begins so, or, where `found` is not 0, more than one."""

    hold: str
    found: int = 0


@dataclass(eq=False)
class HeldSnapshot(VaultdError):
    """Somebody holds this snapshot: it cannot be forgotten."""

    snapshot: str


@dataclass(eq=False)
class LeavesNothing(VaultdError):
    """A source would be left without a complete snapshot."""

    source: str


@dataclass(eq=False)
class TooMuchAtOnce(VaultdError):
    """The rules would take `gone` of the `of` snapshots of a source at once."""

    source: str
    gone: int
    of: int


@dataclass(eq=False)
class FromTheFuture(VaultdError):
    """A source has a snapshot of a time (ns) that is still to come."""

    source: str
    time: int


@dataclass(eq=False)
class NotWhole(VaultdError):
    """A part of a forgotten snapshot is gone already: what stood at `path`."""

    snapshot: str
    path: bytes


@dataclass(eq=False)
class NoSuchDevice(VaultdError):
    """No device has an id that begins so, or, where `found` is not 0, more than one."""

    device: str
    found: int = 0


@dataclass(eq=False)
class NoSuchIncident(VaultdError):
    """No incident has an id that begins so, or, where `found` is not 0, more than one."""

    incident: str
    found: int = 0


@dataclass(eq=False)
class NoIncident(VaultdError):
    """Nothing has happened to this source that looks like a wipe."""

    source: str


@dataclass(eq=False)
class OnHold(VaultdError):
    """Something that looks like a wipe happened to this source: until its owner has looked, nothing of it is
    forgotten by rules.
    """

    source: str


@dataclass(eq=False)
class NoSuchChannel(VaultdError):
    """There is no channel of this name."""

    channel: str


@dataclass(eq=False)
class NoSuchSnapshot(VaultdError):
    """No snapshot fits this selector."""

    selector: str


@dataclass(eq=False)
class Ambiguous(VaultdError):
    """More than one thing fits this selector."""

    selector: str
    candidates: tuple[str, ...] = ()


@dataclass(eq=False)
class NoSuchPath(VaultdError):
    """The snapshot does not hold this path."""

    path: bytes


@dataclass(eq=False)
class NotAFile(VaultdError):
    """The snapshot holds this path, and it is no file that has bytes."""

    path: bytes


@dataclass(eq=False)
class RestoreStopped(VaultdError):
    """A restore was asked to stop, and did so between two files; what is in the target is whole."""

    exit_code: ClassVar[int] = 130
    target: bytes


@dataclass(eq=False)
class TargetTooSmall(VaultdError):
    """What was asked for does not fit on the target's disk."""

    target: bytes
    needed: int
    free: int


@dataclass(eq=False)
class TargetFull(Full):
    """A restore found no room left in its target; the vault has no part in that."""


@dataclass(eq=False)
class ExportFull(Full):
    """No room is left where an export is written; nothing of it was kept."""


@dataclass(eq=False)
class NotAsWritten(VaultdError):
    """What was written to `path` was read back, and is something else at `name`; nothing of it was kept."""

    path: bytes
    name: bytes


@dataclass(eq=False)
class TargetReadOnly(ReadOnly):
    """A restore may not write to its target."""


@dataclass(eq=False)
class TargetChanged(VaultdError):
    """Somebody moved folders of the target while it was being written."""

    target: bytes


@dataclass(eq=False)
class BadPattern(VaultdError):
    """A pattern for names cannot be understood."""

    exit_code: ClassVar[int] = 2
    pattern: str


@dataclass(eq=False)
class BadUsage(VaultdError):
    """The words of the command do not fit together; `problem` is a key of the catalogue."""

    exit_code: ClassVar[int] = 2
    problem: str
    value: str = ""


# This computer's own configuration, and the person in front of it.


@dataclass(eq=False)
class BadSettings(VaultdError):
    """The configuration file is there, and cannot be understood."""

    path: str
    problem: str


@dataclass(eq=False)
class NeedsStoreKeys(VaultdError):
    """An object store knows us by a pair of keys, and none were found."""

    exit_code: ClassVar[int] = 12
    place: str


@dataclass(eq=False)
class BadStoreKeys(VaultdError):
    """The file with the keys of an object store cannot be used. `problem` is the name of an errno ("ENOENT"),
    "open" (others may read it), "shape" (no such file), or the word that it lacks.
    """

    exit_code: ClassVar[int] = 12
    path: str
    problem: str


@dataclass(eq=False)
class NeedsPassword(NeedsStoreKeys):
    """The same of a share, which is entered with a password."""


@dataclass(eq=False)
class BadPasswordFile(BadStoreKeys):
    """The same of the file with the password of a share."""


@dataclass(eq=False)
class NeedsExtra(VaultdError):
    """What was asked for needs a part of vaultd that is installed separately, and is not here."""

    extra: str


class KeyringRefused(VaultdError):
    """The desktop's keyring cannot be had, or did not keep what it was given."""


@dataclass(eq=False)
class NoTerminal(VaultdError):
    """A question must be answered, and there is no terminal to ask it at."""

    exit_code: ClassVar[int] = 2


@dataclass(eq=False)
class NeedsPassphrase(VaultdError):
    """The vault is locked, no passphrase was handed over, and there is no terminal to ask for it at."""

    exit_code: ClassVar[int] = 12


@dataclass(eq=False)
class EmptyPassphrase(VaultdError):
    """What should hold the passphrase, the recovery code or the key is empty."""

    exit_code: ClassVar[int] = 12
    place: str


@dataclass(eq=False)
class CommandFailed(VaultdError):
    """The command that should print the passphrase failed with exit code `status` (-1: did not start)."""

    exit_code: ClassVar[int] = 12
    program: str
    status: int


@dataclass(eq=False)
class NoFuse(VaultdError):
    """This computer cannot show a folder of ours. `why` is "library", "device" or "program"."""

    why: str


@dataclass(eq=False)
class BadMountPoint(VaultdError):
    """Nothing can be mounted there. `why` is "missing", "file", "taken", "full", "vault" or "source"."""

    path: str
    why: str


@dataclass(eq=False)
class NotMounted(VaultdError):
    """The system refused, and said why."""

    path: str
    why: str


@dataclass(eq=False)
class NotUnmounted(VaultdError):
    """`why` is "none" (nothing of ours is mounted there), "busy", or what the system says."""

    path: str
    why: str


@dataclass(eq=False)
class NotSure(VaultdError):
    """Not all is known that must be known before anything is let go of. `why` is "damage", "unknown", "fork",
    "waiting", "nothing", "behind", "changed", "incident" or "clock"; `what` names it.
    """

    why: str
    what: str
