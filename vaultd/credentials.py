"""What a person can open a vault with. None of these shows its content in a traceback or a log."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Passphrase:
    """A passphrase as it was typed; the key slot brings it to normal form NFC."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RecoveryCode:
    """The words as they were typed, in any spacing; not yet checked."""

    words: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeyFile:
    """The whole content of a key file."""

    content: bytes = field(repr=False)


Credential = Passphrase | RecoveryCode | KeyFile
