"""Several copies of one vault: making, catching up, and saying how safe that is."""

COPIES = {
    "source.beside-copy": "“{path}” and copy {label} are on one disk: if it breaks, both are gone, and only another copy is left.",
    "option.init-second": "Keep a second copy here, best on another disk again.",
    "init.second": "Where should a second copy be, best on another disk again (Enter for none)?",
    "init.done-second": "Its second copy is in “{place}”.",
    "open.passed-over": "{why} Going on with another copy.",
    "open.older": "Copy {label} is older: it lacks {records:n record/records} that this computer has seen on another copy, "
    "{snapshots:n snapshot/snapshots} among them.",
    "stage.catch-up": "Copying to the other copies",
    "stage.read-back": "Reading back",
    "level.protected": "protected",
    "copies.protected": "Protected: all of it was read back from two copies and found right.",
    "copies.saved": "Every copy has it. They are on one disk, so it is “saved” and not “protected”.",
    "copies.behind": "Copy {label} is behind. {why} What is saved stays saved; the next snapshot catches this copy up.",
    "copies.lacks": "Copy {label} lacks {files:n file/files} of the vault. “vaultd check --read-data” tells more.",
    "status.copy-away": "Copy {label} at “{url}” cannot be looked at. {why}",
    "status.copy-behind": "Copy {label} at “{url}” is {files:n file/files} behind another one; {free:size} free.",
    "status.one-place": "The copies are on one disk, which counts as one place: nothing here is safer than “saved”.",
    "status.not-read-back": "Not all of it was read back from two copies yet. “vaultd snapshot” does that.",
    "error.SamePlace": "“{place}” is the place of the other copy already.",
    "advice.SamePlace": "Choose a folder on another disk; nothing was changed.",
    "error.CopyGone": "“{place}” does not hold the copy{copy:? “*”} that belongs there.",
    "advice.CopyGone": "Its disk is perhaps not connected or not mounted; connect it, then run the command again. "
    "Nothing was written there.",
}
