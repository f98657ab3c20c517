"""`vaultd prune`: remove for good what no snapshot needs."""

from typing import TYPE_CHECKING, Any

import click

from vaultd_cli import others
from vaultd_cli.catalogue import say
from vaultd_cli.command import command
from vaultd_cli.failure import explain, sentence
from vaultd_cli.run import Run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vaultd.jobs.prune import Pruned, Waiting
    from vaultd.jobs.unlinking import Removed

_NOT_ALL_DONE = 3
_HOUR = 3600 * 1_000_000_000
# As in jobs/prune, which is not loaded for a --help.
_MAX_UNUSED = 10.0


@command("prune", unlocks=True)
@click.option("--dry-run", is_flag=True, help=say("option.dry-run-prune"))
@click.option(
    "--max-unused",
    metavar="PERCENT",
    type=click.FloatRange(0, 100),
    default=_MAX_UNUSED,
    help=say("option.max-unused"),
)
def prune(run: Run, dry_run: bool, max_unused: float) -> int:
    from vaultd.jobs.prune import prune as pruned
    from vaultd.tree.devices import list_devices

    with run.vault(writing=not dry_run) as session, run.progress() as progress:
        found = pruned(session, progress, others.never, max_unused=max_unused, dry_run=dry_run)
        names = {each.id: each.name or each.short for each in list_devices(session.vault.journal)}
    if run.json:
        run.console.json(_as_json(found, dry_run=dry_run))
    else:
        tell(run, found, names, dry_run=dry_run)
    return _code(found)


def _code(found: "Pruned") -> int:
    """3 where a copy could not be had: what could go there is left for later."""
    return _NOT_ALL_DONE if found.left_over else 0


def tell(run: Run, found: "Pruned", names: "Mapping[bytes, str]", *, dry_run: bool) -> None:
    """What was done, or would be; `names` are what devices are called."""
    for (packs, size), would, done in (
        (found.rewritten, "prune.would-rewrite", "prune.rewritten"),
        (found.condemned, "prune.would-condemn", "prune.condemned"),
        (found.purged, "prune.would-purge", ""),  # what comes of that is told of each copy
    ):
        if packs and (key := would if dry_run else done):
            run.console.answer(key, packs=packs, bytes=size)
    for removed in found.removed:
        _tell_removed(run, removed, dry_run=dry_run)
    for waiting in found.waiting:
        _tell_waiting(run, waiting, names)
    if any(waiting.devices for waiting in found.waiting):
        run.console.tell("prune.waits-devices-next")
    run.console.answer("prune.unused", unused=found.unused, total=found.total)


def _tell_removed(run: Run, removed: "Removed", *, dry_run: bool) -> None:
    label = removed.place.label
    if removed.packs:
        key = "prune.would-remove" if dry_run else "prune.removed"
        run.console.answer(key, label=label, packs=removed.packs, bytes=removed.bytes)
    if removed.needed:
        run.console.warn("prune.needed", label=label, packs=removed.needed)
    if removed.error is not None:
        run.console.warn("prune.left", label=label, why=sentence(removed.error, run.console))


def _tell_waiting(run: Run, waiting: "Waiting", names: "Mapping[bytes, str]") -> None:
    facts: dict[str, Any] = {"packs": waiting.packs, "bytes": waiting.size}
    if waiting.devices:
        devices = tuple(names.get(device, device.hex()) for device in waiting.devices)
        run.console.answer("prune.waits-devices", devices=devices, **facts)
    elif waiting.left.trusted:
        run.console.answer("prune.waits-time", hours=_hours(waiting.left.trusted), **facts)
    elif waiting.left.running:
        run.console.answer("prune.waits-running", hours=_hours(waiting.left.running), **facts)


def _hours(span: int) -> int:
    return -(-span // _HOUR)


def _as_json(found: "Pruned", *, dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "total": found.total,
        "unused": found.unused,
        "rewritten": _counted(found.rewritten),
        "condemned": _counted(found.condemned),
        "purged": _counted(found.purged),
        "removed": [_removed_as_json(each) for each in found.removed],
        "waiting": [_waiting_as_json(each) for each in found.waiting],
    }


def _counted(found: tuple[int, int]) -> dict[str, int]:
    return {"packs": found[0], "bytes": found[1]}


def _removed_as_json(each: "Removed") -> dict[str, Any]:
    error = None if each.error is None else explain(each.error).as_json()
    counted = {"packs": each.packs, "bytes": each.bytes, "needed": each.needed}
    return {"copy": each.place.label, **counted, "error": error}


def _waiting_as_json(each: "Waiting") -> dict[str, Any]:
    return {
        "packs": each.packs,
        "bytes": each.size,
        "devices": [device.hex() for device in each.devices],
        "seconds": each.left.trusted / 1e9,
        "running_seconds": each.left.running / 1e9,
    }
