"""What goes for good."""

PRUNING = {
    "verb.prune": "Remove for good what no snapshot needs any more.\n\n"
    "In steps, days apart: what only forgotten snapshots need, and can be brought back no more, is condemned; once every "
    "computer knows of that, and a day has passed, it is looked again, and what still nothing needs is removed, copy by copy. "
    "The daemon does this every day. Nothing goes where anything is damaged, missing or not understood.",
    "option.max-unused": "So much of the vault may be room in files of which a part is needed; beyond that they are written anew (10).",
    "option.dry-run-prune": "Say what would be done, and do nothing.",
    "stage.mark": "Looking what is needed",
    "stage.rewrite": "Writing anew",
    "stage.remove": "Removing",
    "error.NotSure": "Nothing was removed: {why:not-sure?*}{what:? (*)}.",
    "advice.NotSure": "Whatever is not known or cannot be read could be needed. “vaultd check” tells what is wrong with the copies; then run the command again.",
    "not-sure.damage": "something is damaged or missing",
    "not-sure.unknown": "the vault holds something that this version does not know",
    "not-sure.fork": "the log of a computer has two ends",
    "not-sure.waiting": "something waits on this computer to be brought to a copy",
    "not-sure.nothing": "there is no snapshot at all",
    "not-sure.changed": "something was written meanwhile",
    "not-sure.incident": "what looks like a wipe is not answered yet: “vaultd guard show”",
    "not-sure.clock": "the clock of this computer has jumped: “vaultd guard show”",
    "not-sure.behind": "a copy does not hold what the others hold",
    "prune.rewritten": "{packs:n data file/data files}, {bytes:size}: what is needed of them was written anew.",
    "prune.condemned": "{packs:n data file/data files}, {bytes:size}, are condemned now: nothing needs them any more.",
    "prune.removed": "Copy {label}: {packs:n data file/data files} removed, {bytes:size}.",
    "prune.needed": "Copy {label}: {packs:n data file/data files} stay, since something there needs them.",
    "prune.left": "Copy {label} is left for later. {why}",
    "prune.waits-time": "{packs:n data file/data files}, {bytes:size}, go when {hours:n hour/hours} more have passed.",
    "prune.waits-running": "{packs:n data file/data files}, {bytes:size}, go when this computer has been running for {hours:n hour/hours} more.",
    "prune.waits-devices": "{packs:n data file/data files}, {bytes:size}, go when {devices} has written to the vault once more.",
    "prune.waits-devices-next": "If one of them is gone for good, say so with “vaultd device retire”.",
    "prune.unused": "{unused:size} of {total:size} is room among what is needed.",
    "prune.would-rewrite": "{packs:n data file/data files}, {bytes:size}: what is needed of them would be written anew.",
    "prune.would-condemn": "{packs:n data file/data files}, {bytes:size}, would be condemned: nothing needs them any more.",
    "prune.would-purge": "{packs:n data file/data files}, {bytes:size}, have waited long enough, and would be removed.",
    "prune.would-remove": "Copy {label}: {packs:n data file/data files} would be removed, {bytes:size}.",
}
