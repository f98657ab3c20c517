"""The frame of --help, the verbs and their options."""

VERBS = {
    # The frame of --help.
    "help.usage": "Usage: ",
    "help.commands": "Commands:",
    "help.options": "Options:",
    "help.everywhere": "Options of every command:",
    "help.unlocking": "Opening the vault (otherwise it asks for the passphrase):",
    "help.begin": "Begin:",
    "help.save": "Save:",
    "help.look": "Look inside:",
    "help.get-back": "Get it back:",
    "help.keep-safe": "Keep it safe:",
    "help.other": "Other:",
    "option.help": "Show this help.",
    "option.json": "Answer in JSON, ask nothing.",
    "option.quiet": "Say only answers, warnings and errors.",
    "option.verbose": "Say more; show where an error arose.",
    "option.home": "Keep vaultd's own files here (or set VAULTD_HOME).",
    "option.passphrase-file": "Take the passphrase from the first line of this file (or set VAULTD_PASSPHRASE_FILE).",
    "option.passphrase-command": "Take the passphrase from the first line that this command prints.",
    "option.recovery-code-file": "Open with the recovery code in this file.",
    "option.key-file": "Open with this key file.",
    "option.key": "Try the passphrase or key file on the key with this id only.",
    # The verbs: one line for the list, then more.
    "verb.vaultd": "Backups that nobody else can read, wipe or lose for you.\n\n"
    "vaultd keeps the last version of every file in folders you choose, encrypted, on disks you choose.",
    "verb.init": "Make a vault and its first copy.\n\n"
    "Shows the recovery code, which opens the vault if the passphrase is forgotten, and asks for some of it back. "
    "Refuses a place that holds a vault already. Without arguments it asks for all it needs.",
    "verb.open": "Attach this computer to a vault that exists.\n\n"
    "For a new or emptied computer: afterwards its snapshots can be listed and restored here, "
    "and its sources taken over. A copy that can only be read is enough.",
    "verb.source": "The folders that are saved.",
    "verb.source.add": "Save this folder from now on.\n\n"
    "Of a folder that is saved already, only what is given is changed.",
    "verb.source.list": "List the folders that are saved.",
    "verb.source.remove": "Stop saving a folder; what was saved of it stays.",
    "verb.snapshot": "Save what is in the sources now (also: backup).\n\n"
    "Without arguments all sources are saved. Files that cannot be read keep their last good version and are listed; "
    "then the exit code is 3.",
    "verb.snapshots": "List the snapshots.",
    "verb.daemon": "Save what changes, all day, in the background.",
    "verb.daemon.run": "Be the daemon, here, until it is interrupted.\n\n"
    "It watches every source of this computer, saves what changed when that has been quiet for two seconds, and brings every "
    "copy up. It opens the vault with the key that “vaultd key unlock” leaves on this computer.",
    "verb.daemon.start": "Start it in the background.",
    "verb.daemon.stop": "End it.\n\nWhat is not saved yet is saved the next time.",
    "verb.daemon.status": "Whether it runs, what it watches, and what waits to be saved.",
    "verb.daemon.pause": "Save nothing for a while.\n\n"
    "It goes on watching, and ends by itself. A snapshot that you ask for is taken all the same.",
    "verb.daemon.resume": "End the pause.",
    "verb.daemon.install": "Have the system start it whenever you log in.\n\n"
    "A user unit of systemd, or an agent of launchd on macOS. Installing again brings it up to date.",
    "verb.daemon.uninstall": "Undo that, and stop it.",
    "option.linger": "Run from when the computer starts, without anybody logged in (loginctl enable-linger).",
    "option.pause-for": "For so long, such as 2h; a day without it, 7d at most.",
    "option.metrics": "Print the numbers for Prometheus.",
    "option.watch": "Look again every two seconds, until it is interrupted.",
    "verb.status": "How safe everything is, and what needs attention.",
    "verb.ls": "List a folder of a snapshot.",
    "verb.cat": "Print a file of a snapshot.",
    "verb.find": "Find files by name in the last snapshot of each source.\n\n"
    "--all looks in every snapshot, --deleted among what was there once and is not any more.",
    "verb.diff": "What changed between two snapshots.\n\n"
    "+ added, - removed, M another content, m the same content with other attributes (such as time, mode or owner).",
    "verb.history": "What stood at one path, from when to when.\n\n"
    "PATH is SOURCE:PATH, or where it stands, or stood, on this computer. Every line is a version, or a time without "
    "one: what went missing did so between the last snapshot of one line and the first of the next.",
    "verb.mount": "Show every old state as a folder, to be read only.\n\n"
    "In DIR there is a folder for each source: latest (as it was saved last), at (every snapshot, by its time), by-id, "
    "versions (every version of each file) and deleted (what is no longer there, at its last version). New snapshots appear by "
    "themselves. It stays until “vaultd umount DIR”.",
    "verb.serve-webdav": "Show every old state over WebDAV, on this computer alone.\n\n"
    "For where nothing can be mounted. A file manager or a browser opens the address with the user and password that are shown; "
    "Ctrl-C ends it.",
    "verb.umount": "Take away what “vaultd mount” shows.",
    "verb.restore": "Put files of a snapshot into a folder.\n\n"
    "Never writes outside that folder. From a damaged vault it gives everything that can be had, lists the rest, "
    "and exits with 20.",
    "verb.copy": "The places that the vault is kept in.",
    "verb.copy.add": "Keep the vault in one more place, under this name.\n\n"
    "URL is a folder, best on another disk, sftp://user@host/folder, smb://user@host/share/folder, or s3://bucket/folder. "
    "A place that holds a copy of this vault already is taken up as it is.",
    "verb.copy.list": "List the copies: which answer, what they lack, since when all of each is known to be right.",
    "verb.copy.sync": "Bring the copies up to one another now, or one of them.\n\n"
    "Every snapshot does this too.",
    "verb.copy.accept": "Fill a copy again that lost much.\n\n"
    "A copy that is suddenly empty, or damaged in many places, is not written until its owner has looked at it and says so.",
    "verb.copy.remove": "Use a copy no more.\n\n"
    "Its files stay where they are, and “vaultd copy add” takes it up again.",
    "verb.copy.parity": "Keep parity in a copy, or remove it: on or off.\n\n"
    "With a tenth more room, a copy can then rebuild any two of twenty files that are damaged or gone, without another copy. "
    "That helps against bad sectors and lost files, not against a disk that breaks: only a second copy does.",
    "verb.check": "Check that the copies are whole.\n\n"
    "What is damaged or gone in one is put right from another; then the exit code is 3.",
    "verb.heal": "Read every byte of the copies, and put right what is damaged.",
    "verb.drill": "Try out whether each copy alone gives files back.\n\n"
    "Restores some files, chosen by chance, from one copy after the other, compares them with what was saved, and "
    "removes them again. Exits with 20 where a copy fails.",
    "verb.key": "The keys that open the vault.",
    "verb.key.list": "List the keys, and say which one opened the vault now.",
    "verb.key.add": "Add a passphrase or a key file.",
    "verb.key.change": "Change the passphrase.\n\n"
    "That is the one that opens the vault for this command, or the key with the given id. The old one stops working.",
    "verb.key.remove": "Remove a key.\n\n"
    "Whoever kept the old key file and its passphrase can still read the vault; only a new vault changes that.",
    "verb.key.unlock": "Let this computer open the vault without asking.\n\n"
    "Leaves a key file in vaultd's own folder. Whoever can read that file can open the vault; “vaultd key remove” undoes it.",
    "verb.recovery-code": "Show the recovery code again, or try one.\n\nWhoever has it can open the vault.",
    "verb.doctor": "Look for what is wrong on this computer, and say how to mend it.",
    "verb.completion": "Print the script that completes words in bash, zsh or fish.\n\n"
    "Put one of these into the file that your shell reads at its start:\n\n"
    '    eval "$(vaultd completion bash)"       # ~/.bashrc\n'
    '    eval "$(vaultd completion zsh)"        # ~/.zshrc, after compinit\n'
    "    vaultd completion fish | source        # ~/.config/fish/config.fish",
}
