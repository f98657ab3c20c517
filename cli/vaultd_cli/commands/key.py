"""`vaultd key`: the keys that open the vault."""

import os
from typing import TYPE_CHECKING

import click

from vaultd_cli import ask, show
from vaultd_cli.catalogue import say
from vaultd_cli.command import Group
from vaultd_cli.console import Column
from vaultd_cli.others import bring_up
from vaultd_cli.run import Run

if TYPE_CHECKING:
    from vaultd.credentials import KeyFile, Passphrase
    from vaultd.jobs.keys import SlotInfo

# What people try, and the verb that does it.
key = Group("key", meant={"lock": "remove", "delete": "remove"})
_SHORT = 8


@key.verb("list", unlocks=True)
def list_(run: Run) -> None:
    from vaultd.jobs.keys import list_slots

    with run.vault() as session:
        slots = list_slots(session)
    if run.json:
        run.console.json([_as_json(slot) for slot in slots])
        return
    heads = ("column.id", "column.kind", "column.added", "column.name", "column.opened")
    run.console.table([Column(head) for head in heads], [_row(slot) for slot in slots])


def _row(slot: "SlotInfo") -> list[str]:
    added = "-" if slot.added_ns is None else show.moment(slot.added_ns)
    return [slot.id, _kind(slot), added, show.text(slot.label), say("key.this-one") if slot.opened else ""]


def _kind(slot: "SlotInfo") -> str:
    from vaultd.format.slot import KDF_KEY_FILE

    if slot.kdf == KDF_KEY_FILE:
        return say("key.file")
    return say("key.passphrase", memory=slot.m_kib * 1024)


def _as_json(slot: "SlotInfo") -> dict[str, object]:
    added = None if slot.added_ns is None else show.instant(slot.added_ns)
    facts = {"id": slot.id, "kdf": slot.kdf, "m_kib": slot.m_kib, "label": slot.label}
    return facts | {"added": added, "opened": slot.opened}


@key.verb("add", unlocks=True)
@click.option("--file", "file", type=click.Path(), metavar="FILE", help=say("option.new-key-file"))
@click.option("--new-passphrase-file", type=click.Path(), help=say("option.new-passphrase-file"))
@click.option("--kdf", type=click.Choice(("standard", "strong")), default="standard", help=say("option.kdf"))
@click.option("--label", default="", metavar="NAME", help=say("option.key-label"))
def add(run: Run, file: str | None, new_passphrase_file: str | None, kdf: str, label: str) -> int:
    from vaultd.errors import BadUsage
    from vaultd.jobs.keys import add_slot

    if file and new_passphrase_file:
        raise BadUsage("one-new-key")
    with run.vault(writing=True) as session:
        new = _new_key_file(file) if file else _new_passphrase(run, new_passphrase_file)
        slot = add_slot(session, new, label, strong=kdf == "strong")
        _tell(run, "key.added", slot)
        return bring_up(run, session)


def _new_passphrase(run: Run, path: str | None) -> "Passphrase":
    return ask.new_passphrase_from_file(run.console, path) if path else ask.new_passphrase(run.console)


def _new_key_file(path: str) -> "KeyFile":
    """Made and on the disk before the slot that it opens; never over a file that is there."""
    from vaultd.credentials import KeyFile
    from vaultd.errors import BadUsage
    from vaultd.format.slot import format_key_file

    text = format_key_file(os.urandom(32)).encode()
    try:
        made_anew = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise BadUsage("key-file-exists", path) from None
    with open(made_anew, "wb") as made:
        made.write(text)
        made.flush()
        os.fsync(made.fileno())
    return KeyFile(text)


@key.verb("change", unlocks=True)
@click.argument("id", required=False)
@click.option("--new-passphrase-file", type=click.Path(), help=say("option.new-passphrase-file"))
@click.option("--kdf", type=click.Choice(("standard", "strong")), default="standard", help=say("option.kdf"))
@click.option("--label", default="", metavar="NAME", help=say("option.key-label"))
def change(run: Run, id: str | None, new_passphrase_file: str | None, kdf: str, label: str) -> int:  # noqa: A002
    from vaultd.jobs.keys import change_passphrase, passphrase_to_change

    with run.vault(writing=True) as session:
        old = passphrase_to_change(session, id)
        new = _new_passphrase(run, new_passphrase_file)
        slot = change_passphrase(session, old, new, label, strong=kdf == "strong")
        _tell(run, "key.changed", slot)
        return bring_up(run, session)


@key.verb("remove", unlocks=True)
@click.argument("id")
def remove(run: Run, id: str) -> int:  # noqa: A002
    from vaultd.jobs.keys import remove_slot

    with run.vault(writing=True) as session:
        slot = remove_slot(session, id)
        _tell(run, "key.removed", slot)
        run.console.tell("key.removed-limit")
        return bring_up(run, session)


@key.verb("unlock", unlocks=True)
@click.option("--keyring", is_flag=True, help=say("option.keyring"))
def unlock(run: Run, keyring: bool) -> int:
    import platform

    from vaultd.jobs.keys import unlock_computer

    with run.vault(writing=True) as session:
        slot = unlock_computer(session, platform.node(), keyring=keyring)
        _tell(run, "key.unlocked", slot)
        if keyring:
            run.console.tell("key.unlocked-keyring")
        else:
            run.console.tell("key.unlocked-limit", path=os.fsencode(session.home.device_key_file))
        return bring_up(run, session)


def _tell(run: Run, sentence: str, slot: str) -> None:
    if run.json:
        run.console.json({"id": slot})
    else:
        run.console.answer(sentence, id=slot[:_SHORT])
