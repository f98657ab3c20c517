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
    """There is no vault here."""

    exit_code: ClassVar[int] = 10
    place: str


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
class WrongKey(VaultdError):
    """No key slot opens with this passphrase, key file or recovery code."""

    exit_code: ClassVar[int] = 12


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
