"""`vaultd device`: the computers that write to this vault."""

from typing import TYPE_CHECKING, Any

import click

from vaultd.errors import BadUsage
from vaultd_cli import show
from vaultd_cli.catalogue import say
from vaultd_cli.command import Group
from vaultd_cli.console import Column
from vaultd_cli.others import bring_up
from vaultd_cli.run import Run

if TYPE_CHECKING:
    from vaultd.tree.devices import Device

device = Group("device")


@device.verb("list", unlocks=True)
@click.option("--all", "everything", is_flag=True, help=say("option.all-devices"))
def list_(run: Run, everything: bool) -> None:
    from vaultd.jobs.sources import my_devices
    from vaultd.tree.devices import list_devices

    with run.vault(away=True) as session:
        mine = my_devices(session)
        found = [each for each in list_devices(session.vault.journal) if everything or each.writes]
    if run.json:
        run.console.json([_as_json(each, mine=each.id in mine) for each in found])
        return
    heads = ("snapshots.id", "snapshots.host", "device.last", "snapshots.state")
    run.console.table([Column(head) for head in heads], [_row(each, each.id in mine) for each in found])


def _row(each: "Device", mine: bool) -> list[str]:
    if each.replaced:
        state = say("device.replaced")
    elif each.retired:
        state = say("device.retired")
    else:
        state = say("source.here") if mine else ""
    return [each.short, show.text(each.name), show.moment(each.time), state]


def _as_json(each: "Device", *, mine: bool) -> dict[str, Any]:
    return {
        "id": each.id.hex(),
        "name": each.name,
        "last": show.instant(each.time),
        "records": each.last[0],
        "replaced": each.replaced,
        "retired": each.retired,
        "here": mine,
    }


@device.verb("retire", unlocks=True)
@click.argument("id_", metavar="ID")
@click.option("--yes", metavar="COMPUTER", help=say("option.yes-device"))
def retire(run: Run, id_: str, yes: str | None) -> int:
    from vaultd.jobs.retire import find_device, retire_device
    from vaultd_cli import ask

    with run.vault(writing=True) as session:
        found = find_device(session, id_)
        name = found.name or found.short
        if yes != name and not (run.may_ask and ask.line(say("device.type", name=name)) == name):
            raise BadUsage("retire-yes", name)
        retire_device(session, found)
        if run.json:
            run.console.json(_as_json(find_device(session, found.id.hex()), mine=False))
        else:
            run.console.answer("device.done", name=name, id=found.short)
        return bring_up(run, session)
