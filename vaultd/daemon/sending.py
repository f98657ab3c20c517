"""Hand one notice to one channel, by apprise or as a pop-up. `python -m vaultd.daemon.sending` does it, in a
process of its own.

A process, since what apprise brings along takes 20 MB and its own time, and a channel may hang. What it is to
send comes on stdin, so that no other user sees the URL among the arguments.
"""

import json
import re
import subprocess
import sys
from dataclasses import dataclass

from vaultd.daemon.bus import NoBus, pop_up
from vaultd.settings import Channel

# A mail server may think for long; a person is told by the other channels meanwhile.
PATIENCE = 60.0
NO_ANSWER, NOT_INSTALLED, BAD_URL = "no answer", "apprise is not installed", "not a channel"
NO_JEEPNEY = "jeepney is not installed"
DESKTOP = "desktop:"  # a pop-up of our own: what apprise has for it needs a compiler
# Parts of a URL that are shorter stand in every other sentence as well.
_SECRET = 6


@dataclass(frozen=True, slots=True)
class Sent:
    """Whether the channel took it, and what it said; nothing of the channel's URL stands in that."""

    taken: bool
    answer: str


def send(channel: Channel, title: str, text: str, patience: float = PATIENCE) -> Sent:
    """Hand it over, and wait for the answer. Never raises for what a channel does."""
    return _asked({"url": channel.url, "title": title, "text": text}, patience)


def is_channel(url: str) -> bool:
    """Whether this can be a channel; True also where apprise is not installed to tell. Asks no network."""
    return _asked({"url": url}, PATIENCE).answer != BAD_URL


def _asked(words: dict[str, str], patience: float) -> Sent:
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "vaultd.daemon.sending"],
            input=json.dumps(words),
            capture_output=True,
            text=True,
            timeout=patience,
            check=False,
        )
        found = json.loads(done.stdout)
        return Sent(bool(found["taken"]), without_parts_of(words["url"], str(found["answer"])))
    except subprocess.TimeoutExpired:
        return Sent(False, NO_ANSWER)
    except (OSError, ValueError, KeyError, TypeError):
        return Sent(False, "failed")


def without_parts_of(url: str, answer: str) -> str:
    """A token in a URL must not get into the journal by way of an error. What kind of channel it is may."""
    for part in sorted(re.split(r"[/:@?&=,#]+", url.partition("://")[2]), key=len, reverse=True):
        if len(part) >= _SECRET:
            answer = answer.replace(part, "***")
    return answer


def _hand_over(words: dict[str, str]) -> Sent:
    """Without a text, only whether the URL is a channel's."""
    if words["url"].rstrip("/") == DESKTOP:
        return _shown(words)
    try:
        import apprise
    except ImportError:
        return Sent(False, NOT_INSTALLED)
    target = apprise.Apprise()
    with apprise.LogCapture(  # type: ignore[no-untyped-call]
        level=apprise.logging.INFO, fmt="%(message)s"
    ) as log:
        if not target.add(words["url"]):
            return Sent(False, BAD_URL)
        if "text" not in words:
            return Sent(True, "")
        taken = bool(target.notify(body=words["text"], title=words["title"]))
        said = [line for line in log.getvalue().splitlines() if line.strip()]
    return Sent(taken, said[-1] if said else "")


def _shown(words: dict[str, str]) -> Sent:
    try:
        if "text" in words:
            pop_up(words["title"], words["text"])
        return Sent(True, "")
    except ImportError:
        return Sent(False, NO_JEEPNEY)
    except NoBus as error:
        return Sent(False, str(error))


def main() -> None:
    sent = _hand_over(json.load(sys.stdin))
    json.dump({"taken": sent.taken, "answer": sent.answer}, sys.stdout)


if __name__ == "__main__":
    main()
