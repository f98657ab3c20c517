"""What is said and asked while a command works."""

TALK = {
    # Between several things of one kind.
    "list.comma": ", ",
    # Asking.
    "ask.passphrase": "Passphrase:",
    "ask.new-passphrase": "New passphrase:",
    "ask.again": "The same again:",
    "ask.passphrase-hint": "Four or five words that do not belong together are strong and easy to remember.",
    "ask.passphrase-short": "That is too easy to guess. Please use at least {shortest} letters.",
    "ask.passphrase-differs": "The two were not the same. Please try again.",
    "ask.passphrase-wrong": "That passphrase does not open the vault. Please try again.",
    "ask.file-is-open-to-others": "Other users of this computer can read “{path}”.",
    "ask.yes-default": "[Y/n]",
    "ask.no-default": "[y/N]",
    "ask.yes-words": "y yes",
    "ask.no-words": "n no",
    "ask.number": "Number (1-{last}):",
    # Progress.
    "stage.work": "Working",
    "stage.check-files": "Checking files",
    "stage.check-snapshots": "Checking snapshots",
    "stage.restore": "Restoring",
    "progress.files": "{files} files",
    "progress.rate": "{rate:size}/s",
    "progress.left": "about {left:span} left",
}
