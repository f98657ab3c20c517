"""The table of verbs, and the root command that loads only the one that was asked for."""

from importlib import import_module
from typing import Any

import click
from click.exceptions import NoSuchCommand
from click.shell_completion import CompletionItem

from vaultd_cli.catalogue import say
from vaultd_cli.command import Group

# Heading of --help -> verb -> where its command stands.
SECTIONS: dict[str, dict[str, str]] = {
    "help.begin": {
        "init": "vaultd_cli.commands.init:init",
        "open": "vaultd_cli.commands.open:open_",
        "source": "vaultd_cli.commands.source:source",
    },
    "help.save": {
        "snapshot": "vaultd_cli.commands.snapshot:snapshot",
        "snapshots": "vaultd_cli.commands.snapshots:snapshots",
        "status": "vaultd_cli.commands.status:status",
        "daemon": "vaultd_cli.commands.daemon:daemon",
        "notices": "vaultd_cli.commands.notices:notices",
        "acknowledge": "vaultd_cli.commands.notices:acknowledge",
        "channel": "vaultd_cli.commands.channel:channel",
    },
    "help.look": {
        "ls": "vaultd_cli.commands.ls:ls",
        "cat": "vaultd_cli.commands.cat:cat",
        "find": "vaultd_cli.commands.find:find",
        "diff": "vaultd_cli.commands.diff:diff",
        "serve-webdav": "vaultd_cli.commands.serve_webdav:serve_webdav",
        "history": "vaultd_cli.commands.history:history",
        "mount": "vaultd_cli.commands.mount:mount",
        "umount": "vaultd_cli.commands.mount:umount",
    },
    "help.get-back": {
        "restore": "vaultd_cli.commands.restore:restore",
        "export": "vaultd_cli.commands.export:export",
    },
    "help.keep-safe": {
        "copy": "vaultd_cli.commands.copy:copy",
        "check": "vaultd_cli.commands.check:check",
        "heal": "vaultd_cli.commands.check:heal",
        "drill": "vaultd_cli.commands.drill:drill",
        "device": "vaultd_cli.commands.device:device",
        "guard": "vaultd_cli.commands.guard:guard",
        "incident": "vaultd_cli.commands.incident:incident",
        "key": "vaultd_cli.commands.key:key",
        "recovery-code": "vaultd_cli.commands.recovery_code:recovery_code",
        "journal": "vaultd_cli.commands.journal:journal",
        "proof": "vaultd_cli.commands.proof:proof",
        "doctor": "vaultd_cli.commands.doctor:doctor",
    },
    "help.let-go": {
        "hold": "vaultd_cli.commands.hold:hold",
        "unhold": "vaultd_cli.commands.hold:unhold",
        "forget": "vaultd_cli.commands.forget:forget",
        "forget-deleted": "vaultd_cli.commands.forget_deleted:forget_deleted",
        "trash": "vaultd_cli.commands.trash:trash",
        "prune": "vaultd_cli.commands.prune:prune",
    },
    "help.other": {
        "completion": "vaultd_cli.commands.completion:completion",
    },
}
VERBS = {name: where for verbs in SECTIONS.values() for name, where in verbs.items()}
ALIASES = {"backup": "snapshot"}


class Root(Group):
    """`vaultd` itself."""

    def list_commands(self, _: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, _: click.Context, cmd_name: str) -> click.Command | None:
        where = VERBS.get(ALIASES.get(cmd_name, cmd_name))
        if where is None:
            return None
        module, name = where.split(":")
        loaded: click.Command = getattr(import_module(module), name)
        return loaded

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except NoSuchCommand as error:
            raise NoSuchCommand(error.command_name, possibilities=[*VERBS, *ALIASES], ctx=ctx) from None

    def format_commands(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        for heading, verbs in SECTIONS.items():
            with formatter.section(say(heading)):
                formatter.write_dl([(name, short_help(name)) for name in verbs])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[Any]]:
        """Verbs by prefix, without loading any of them."""
        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        return [CompletionItem(name, help=short_help(name)) for name in VERBS if name.startswith(incomplete)]


def short_help(verb: str) -> str:
    """The first line of a verb's help."""
    return say(f"verb.{verb}").split("\n")[0]


def root() -> Root:
    return Root("vaultd")
