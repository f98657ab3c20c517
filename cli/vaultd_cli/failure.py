"""From an exception to what a person reads: what happened, what to do next, and the exit code."""

import errno
import os
from dataclasses import dataclass, field, fields
from typing import Any

import click

from vaultd.errors import BadUsage, VaultdError
from vaultd_cli.catalogue import Said, in_english, knows, say
from vaultd_cli.console import Console, named

FAILED = 1
USAGE = 2
INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Failure:
    """`name` is for JSON; `message` and `advice` are keys of the catalogue, and `facts` fill both."""

    name: str
    message: str
    advice: str
    exit_code: int
    facts: dict[str, Any] = field(default_factory=dict)

    def show(self, console: Console) -> None:
        """Say it on stderr, in the user's language or as JSON."""
        if console.as_json:
            console.complain_in_json(self.as_json())
        else:
            console.complain(say(self.message, **self.facts), self._advice())

    def _advice(self) -> str:
        return say(self.advice, **self.facts) if self.advice else ""

    def as_json(self) -> dict[str, Any]:
        """The same in every language."""
        message = in_english(self.message, **self.facts)
        advice = in_english(self.advice, **self.facts) if self.advice else ""
        facts: dict[str, Any] = {}
        for key, value in self.facts.items():
            facts |= named(key, value) if isinstance(value, bytes) else {key: value}
        return {
            "error": self.name,
            **facts,
            "message": message,
            "advice": advice,
            "exit_code": self.exit_code,
        }


def sentence(error: BaseException, console: Console) -> str:
    """What an exception means, to stand within another sentence on this console."""
    failure = explain(error)
    return Said((in_english if console.as_json else say)(failure.message, **failure.facts))


def advice(error: BaseException) -> str:
    """What to do about an exception, to stand within another sentence for a person."""
    failure = explain(error)
    return Said(say(failure.advice, **failure.facts))


def explain(error: BaseException, *, saving: bool = False) -> Failure:
    """The failure that an exception is; `saving` that a snapshot was being made. Never raises."""
    match error:
        case BadUsage():
            facts = {"problem": error.problem, "value": error.value}
            return Failure("BadUsage", f"usage.{error.problem}", "advice.BadUsage", error.exit_code, facts)
        case VaultdError():
            return _of_ours(error)
        case click.UsageError():
            return _of_usage(error)
        case KeyboardInterrupt() | EOFError() | click.Abort():
            advice = "advice.Interrupted" if saving else "advice.Again"
            return Failure("Interrupted", "error.Interrupted", advice, INTERRUPTED)
        case MemoryError():
            return Failure("MemoryError", "error.MemoryError", "advice.MemoryError", FAILED)
        case OSError():
            return _of_the_system(error)
        case _:
            facts = {"type": type(error).__name__}
            return Failure("Unexpected", "error.Unexpected", "advice.Unexpected", FAILED, facts)


def _of_ours(error: VaultdError) -> Failure:
    name = type(error).__name__
    facts = {one.name: getattr(error, one.name) for one in fields(error)}
    return Failure(name, f"error.{name}", f"advice.{name}", error.exit_code, facts)


def _of_the_system(error: OSError) -> Failure:
    word = errno.errorcode.get(error.errno or 0, "")
    message = f"system.{word}" if knows(f"system.{word}") else "system.other"
    path = os.fsencode(error.filename) if isinstance(error.filename, str | bytes | os.PathLike) else b""
    facts = {"errno": word, "path": path, "reason": error.strerror or type(error).__name__}
    return Failure("OSError", message, "advice.OSError", FAILED, facts)


def _of_usage(error: click.UsageError) -> Failure:
    verb = error.ctx.command_path if error.ctx else "vaultd"
    problem, facts = _usage_problem(error)
    facts = {"problem": problem, **facts, "verb": verb}
    return Failure("BadUsage", f"usage.{problem}", "advice.usage", USAGE, facts)


def _usage_problem(error: click.UsageError) -> tuple[str, dict[str, Any]]:
    match error:
        case click.NoSuchOption():
            return "no-such-option", {"value": error.option_name, "near": tuple(error.possibilities or ())}
        case click.exceptions.NoSuchCommand():
            return "no-such-command", {"value": error.command_name, "near": _verbs_near(error)}
        case click.MissingParameter():
            return "missing", {"value": _param_name(error)}
        case click.BadParameter() if error.param and isinstance(error.param.type, click.Choice):
            return "not-a-choice", {"value": _param_name(error), "choices": tuple(error.param.type.choices)}
        case click.BadParameter() if error.param is None and isinstance(error.param_hint, str):
            return "explained", {"value": error.param_hint, "why": error.message}  # by whoever raised it
        case click.BadParameter():
            return "bad-value", {"value": _param_name(error)}
        case click.BadOptionUsage():
            return "option-value", {"value": error.option_name}
        case _ if error.ctx and isinstance(error.ctx.command, click.Group):
            return "no-command", {}
        case _:
            return "too-many-words", {}


def _verbs_near(error: click.exceptions.NoSuchCommand) -> tuple[str, ...]:
    """What is written like the word; or what is meant by it, which may be written otherwise."""
    meant = getattr(error.ctx.command, "meant", {}) if error.ctx else {}
    return (meant[error.command_name],) if error.command_name in meant else tuple(error.possibilities or ())


def _param_name(error: click.BadParameter) -> str:
    if error.param is None:
        return ""
    if isinstance(error.param, click.Option):
        return max(error.param.opts, key=len)
    return error.param.human_readable_name
