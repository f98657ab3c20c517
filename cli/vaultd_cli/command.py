"""Commands as vaultd has them: help in the user's language, the same global options everywhere.

A command's help stands in the catalogue under `verb.NAME` (`verb.GROUP.NAME`): one short line, then,
after an empty line, whatever else there is to say. Options are plain `click.option`s with
`help=say("option.…")`.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import click

from vaultd_cli import show
from vaultd_cli.catalogue import say

_NARROWEST = 20
_Function = Callable[..., int | None]


class Help(click.HelpFormatter):
    """Help that counts columns rather than characters, with its headings in the user's language."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        self.write(f"{prefix or say('help.usage')}{prog} {args}".rstrip() + "\n")

    def write_heading(self, heading: str) -> None:
        self.write(f"{'':>{self.current_indent}}{heading}\n")

    def write_text(self, text: str) -> None:
        margin = " " * self.current_indent
        for line in text.splitlines():
            lines = show.wrap(line, self.width - self.current_indent) if not line.startswith(" ") else [line]
            self.write("".join(f"{(margin + part).rstrip()}\n" for part in lines))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        rows = list(rows)
        left = min(max(show.width(term) for term, _ in rows), col_max) + col_spacing
        margin = " " * self.current_indent
        for term, meaning in rows:
            lines = show.wrap(meaning, max(self.width - self.current_indent - left, _NARROWEST))
            first = (
                show.pad(term, left)
                if show.width(term) <= left - col_spacing
                else f"{term}\n{margin}{'':{left}}"
            )
            self.write(f"{margin}{first}{lines[0]}".rstrip() + "\n")
            self.write("".join(f"{margin}{'':{left}}{line}\n" for line in lines[1:]))


click.Context.formatter_class = Help


class GlobalOption(click.Option):
    """An option that goes to the `Run` rather than to the command; the last one given counts."""

    def __init__(self, field: str, *names: str, section: str = "help.everywhere", **attributes: Any) -> None:
        # A name of its own, since a command may have an argument that is called `key`.
        super().__init__([f"global_{field}", *names], expose_value=False, callback=self._keep, **attributes)
        self.field = field
        self.section = section

    def _keep(self, context: click.Context, _: click.Parameter, value: Any) -> None:
        if value and context.obj is not None:
            setattr(context.obj, self.field, value)


def _global_options() -> list[GlobalOption]:
    path = click.Path()
    return [
        GlobalOption("json", "--json", is_flag=True, help=say("option.json")),
        GlobalOption("quiet", "-q", "--quiet", is_flag=True, help=say("option.quiet")),
        GlobalOption("verbosity", "-v", "--verbose", count=True, help=say("option.verbose")),
        GlobalOption("home_folder", "--home", metavar="DIR", type=path, help=say("option.home")),
        GlobalOption(
            "passphrase_file",
            "--passphrase-file",
            metavar="FILE",
            type=path,
            help=say("option.passphrase-file"),
        ),
        GlobalOption(
            "passphrase_command", "--passphrase-command", metavar="CMD", help=say("option.passphrase-command")
        ),
    ]


def _unlocking_options() -> list[GlobalOption]:
    path, section = click.Path(), "help.unlocking"
    return [
        GlobalOption(
            "recovery_code_file",
            "--recovery-code-file",
            metavar="FILE",
            type=path,
            section=section,
            help=say("option.recovery-code-file"),
        ),
        GlobalOption(
            "key_file", "--key-file", metavar="FILE", type=path, section=section, help=say("option.key-file")
        ),
        GlobalOption("key", "--key", metavar="ID", section=section, help=say("option.key")),
    ]


def _keep_limit(context: click.Context, _: click.Parameter, value: int | None) -> None:
    if value is not None:
        context.obj.limit_upload = value


# For verbs that write to copies.
limit_upload = click.option(
    "--limit-upload",
    metavar="KIB",
    type=click.IntRange(min=1),
    expose_value=False,
    callback=_keep_limit,
    help=say("option.limit-upload"),
)


class Command(click.Command):
    """One verb. `key` is its place in the catalogue; `unlocks` adds the options for opening the vault."""

    def __init__(self, name: str, *, key: str = "", unlocks: bool = False, **attributes: Any) -> None:
        text = say(key or f"verb.{name}")
        super().__init__(name, help=text, short_help=text.split("\n")[0], **attributes)
        self.params += (_unlocking_options() if unlocks else []) + _global_options()

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.BadOptionUsage as error:
            error.ctx = error.ctx or ctx  # click forgets which command's help would tell
            raise

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        return in_own_words(super().get_help_option(ctx))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_options(self, ctx, formatter)


class Group(click.Group):
    """A verb with verbs below it. `meant` tells what to say instead of a word that is near to another one,
    or to none.
    """

    def __init__(self, name: str, *, meant: Mapping[str, str] | None = None, **attributes: Any) -> None:
        self.meant = meant or {}
        text = say(f"verb.{name}")
        super().__init__(name, help=text, short_help=text.split("\n")[0], **attributes)
        self.params += _global_options()

    def verb(self, name: str, *, unlocks: bool = False) -> Callable[[_Function], Command]:
        """Decorator: `command`, below this group; its help is `verb.GROUP.NAME`."""

        def make(function: _Function) -> Command:
            made = _made(function, name, f"verb.{self.name}.{name}", unlocks)
            self.add_command(made)
            return made

        return make

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        return in_own_words(super().get_help_option(ctx))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.format_commands(ctx, formatter)
        write_options(self, ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, self.commands[name].get_short_help_str()) for name in self.list_commands(ctx)]
        with formatter.section(say("help.commands")):
            formatter.write_dl(rows)


def command(name: str, *, unlocks: bool = False) -> Callable[[_Function], Command]:
    """Decorator: a function of a `Run` and of its click parameters becomes a verb.

    It returns an exit code, or None for 0. With `unlocks` it takes the options for opening the vault.
    """
    return lambda function: _made(function, name, f"verb.{name}", unlocks)


def _made(function: _Function, name: str, key: str, unlocks: bool) -> Command:
    params = list(reversed(getattr(function, "__click_params__", [])))
    return Command(name, key=key, unlocks=unlocks, params=params, callback=click.pass_obj(function))


def in_own_words(option: click.Option | None) -> click.Option | None:
    """The --help option, explained by the catalogue."""
    if option is not None:
        option.help = say("option.help")
    return option


def write_options(verb: click.Command, context: click.Context, formatter: click.HelpFormatter) -> None:
    """The options of a verb under their headings, its own first."""
    sections: dict[str, list[tuple[str, str]]] = {}
    for param in verb.get_params(context):
        record = param.get_help_record(context)
        if record is not None and isinstance(param, click.Option):
            meaning = record[1].removesuffix("[required]").rstrip("; ")
            sections.setdefault(getattr(param, "section", "help.options"), []).append((record[0], meaning))
    for key in ("help.options", "help.unlocking", "help.everywhere"):
        if rows := sections.get(key):
            with formatter.section(say(key)):
                formatter.write_dl(rows)
