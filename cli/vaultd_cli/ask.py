"""Asking the person at the terminal, and taking secrets from where they are kept.

Questions go to the terminal itself (/dev/tty), whatever stdin and stdout are. Where there is none,
nothing waits: `NoTerminal` or `NeedsPassphrase` is raised at once.
"""

import os
import stat
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TextIO, TypeVar

from vaultd.credentials import Credential, KeyFile, Passphrase, RecoveryCode
from vaultd.errors import (
    BadUsage,
    CommandFailed,
    EmptyPassphrase,
    NeedsPassphrase,
    NoTerminal,
    Refused,
    WrongKey,
)
from vaultd_cli import show
from vaultd_cli.catalogue import say
from vaultd_cli.console import Console

SHORTEST = 8  # columns, so four Chinese characters; shorter ones fall to guessing even through Argon2id
_TRIES = 3
_LARGEST_SECRET = 64 * 1024
_T = TypeVar("_T")


def terminal() -> TextIO:
    """The terminal, for reading and writing lines. Raises NoTerminal."""
    try:
        # Unbuffered below: a terminal cannot seek, which a buffered read-write file insists on.
        raw = open(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY), "r+b", buffering=0)  # noqa: SIM115
    except OSError:
        raise NoTerminal from None
    import io

    return io.TextIOWrapper(raw, encoding="utf-8", errors="surrogateescape", write_through=True)


def line(prompt: str, default: str = "") -> str:
    """One line of text, stripped; `default` for Enter alone. Raises NoTerminal, KeyboardInterrupt."""
    with terminal() as tty:
        tty.write(f"{prompt}{f' [{show.text(default)}]' if default else ''} ")
        answer = tty.readline()
    if not answer:
        raise KeyboardInterrupt  # the end of input: nobody is there to answer
    return answer.strip() or default


def yes_no(key: str, /, *, default: bool = False, **facts: object) -> bool:
    """A question of the catalogue that is answered with yes or no. Raises NoTerminal, KeyboardInterrupt."""
    hint = say("ask.yes-default") if default else say("ask.no-default")
    while True:
        answer = line(f"{say(key, **facts)} {hint}").lower()
        if not answer:
            return default
        if answer in say("ask.yes-words").split() or answer in say("ask.no-words").split():
            return answer in say("ask.yes-words").split()


def choose(key: str, choices: Sequence[str], /, **facts: object) -> int:
    """Which of some numbered lines; its place from 0. Raises NoTerminal, KeyboardInterrupt."""
    with terminal() as tty:
        tty.write(say(key, **facts) + "\n")
        tty.writelines(f"  {number}. {choice}\n" for number, choice in enumerate(choices, 1))
    while True:
        with suppress(ValueError):
            if 1 <= (number := int(line(say("ask.number", last=len(choices))))) <= len(choices):
                return number - 1


def hidden(prompt: str) -> str:
    """One line that is not shown while it is typed. Raises NoTerminal, KeyboardInterrupt."""
    import getpass

    terminal().close()  # getpass would fall back to stdin, and show what is typed
    try:
        return getpass.getpass(prompt + " ")
    except EOFError:
        raise KeyboardInterrupt from None


def passphrase() -> Passphrase:
    """The passphrase of a vault that exists. Raises NeedsPassphrase where nobody can be asked."""
    try:
        return Passphrase(hidden(say("ask.passphrase")))
    except NoTerminal:
        raise NeedsPassphrase from None


def new_passphrase_from_file(console: Console, path: str) -> Passphrase:
    """The same as `passphrase_from_file`, for a new key slot. Raises BadUsage too where it is too short."""
    return refuse_short(passphrase_from_file(console, path))


def refuse_short(given: Passphrase) -> Passphrase:
    """The same, if it may open a new key slot, however it was handed over. Raises BadUsage."""
    if is_short(given.text):
        raise BadUsage("passphrase-short", str(SHORTEST))
    return given


def is_short(text: str) -> bool:
    """Whether a passphrase is too easy to guess."""
    return show.width(text) < SHORTEST


def new_passphrase(console: Console) -> Passphrase:
    """A passphrase for a new key slot, typed twice the same. Raises NeedsPassphrase, KeyboardInterrupt."""
    console.tell("ask.passphrase-hint")
    try:
        while True:
            first = hidden(say("ask.new-passphrase"))
            if is_short(first):
                console.warn("ask.passphrase-short", shortest=SHORTEST)
            elif hidden(say("ask.again")) == first:
                return Passphrase(first)
            else:
                console.warn("ask.passphrase-differs")
    except NoTerminal:
        raise NeedsPassphrase from None


def until_it_opens(console: Console, opener: Callable[[Credential], _T]) -> _T:
    """Ask for the passphrase and try it, three times. Raises WrongKey, and what `opener` raises."""
    for _ in range(_TRIES - 1):
        try:
            return opener(passphrase())
        except WrongKey:
            console.warn("ask.passphrase-wrong")
    return opener(passphrase())


def passphrase_from_file(console: Console, path: str) -> Passphrase:
    """The first line of a file, without its end. Warns if others can read the file.

    Raises EmptyPassphrase, BadUsage (not UTF-8), OSError.
    """
    content = _read_secret(console, path)
    return Passphrase(_decoded(content.split(b"\n", 1)[0].removesuffix(b"\r"), path))


def passphrase_from_command(command: str) -> Passphrase:
    """The first line that a command prints; it is run without a shell.

    Raises BadUsage, CommandFailed, EmptyPassphrase.
    """
    import shlex
    import subprocess

    try:
        words = shlex.split(command)
    except ValueError:
        raise BadUsage("passphrase-command", command) from None
    if not words:
        raise BadUsage("passphrase-command", command)
    try:
        done = subprocess.run(words, stdout=subprocess.PIPE, check=False)
    except OSError:
        raise CommandFailed(words[0], -1) from None
    if done.returncode:
        raise CommandFailed(words[0], done.returncode)
    return Passphrase(_decoded(done.stdout.split(b"\n", 1)[0].removesuffix(b"\r"), words[0]))


def recovery_code_from_file(console: Console, path: str) -> RecoveryCode:
    """All words of a file. Raises EmptyPassphrase, BadUsage (not UTF-8), OSError."""
    return RecoveryCode(_decoded(_read_secret(console, path).strip(), path))


def key_from_file(console: Console, path: str) -> KeyFile:
    """The bytes of a key file. Raises EmptyPassphrase, BadUsage (not one), OSError."""
    from vaultd.format.slot import parse_key_file

    content = _read_secret(console, path)
    if not content:
        raise EmptyPassphrase(path)
    try:
        parse_key_file(content.decode("ascii", "replace"))
    except Refused:  # this file is the person's, not the vault's
        raise BadUsage("not-a-key-file", path) from None
    return KeyFile(content)


def _read_secret(console: Console, path: str) -> bytes:
    with open(path, "rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        if stat.S_ISREG(mode) and mode & 0o044:
            console.warn("ask.file-is-open-to-others", path=os.fsencode(path))
        return file.read(_LARGEST_SECRET)


def _decoded(content: bytes, place: str) -> str:
    try:
        decoded = content.decode()
    except UnicodeDecodeError:
        raise BadUsage("secret-not-text", place) from None
    if not decoded:
        raise EmptyPassphrase(place)
    return decoded
