"""The rules of the terminal, and the progress line."""

import io
import json
import os
import pty
import threading
import time
from collections.abc import Iterator

import pytest
from vaultd_cli.catalogue import language
from vaultd_cli.console import Column, Console, Inked, named
from vaultd_cli.progress import ProgressLine
from vaultd_cli.show import width

from vaultd.progress import Progress, Silent


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("VAULTD_LANG", "en")
    monkeypatch.delenv("TERM", raising=False)
    language.cache_clear()
    yield
    language.cache_clear()


def console(*, tty: bool = False, as_json: bool = False, quiet: bool = False, verbosity: int = 0) -> Console:
    out, err = (Tty(), Tty()) if tty else (io.StringIO(), io.StringIO())
    return Console(as_json=as_json, quiet=quiet, verbosity=verbosity, out=out, err=err)


def out(of: Console) -> str:
    assert isinstance(of.out, io.StringIO)
    return of.out.getvalue()


def err(of: Console) -> str:
    assert isinstance(of.err, io.StringIO)
    return of.err.getvalue()


COLUMNS = [Column("help.usage"), Column("help.options", right=True), Column("help.commands")]


def test_columns_line_up_under_wide_characters() -> None:
    told = console()
    told.table(COLUMNS, [["照片", "1", "x"], ["e\u0301t\u00e9", "22", "中文"], ["plain", "333", ""]])
    head, *rows = out(told).splitlines()
    numbers = zip(rows, ["1", "22", "333"], strict=True)
    places = {width(row[: row.index(number)]) + len(number) for row, number in numbers}
    assert places == {head.index("Options:") + len("Options:")}
    assert not any(line.endswith(" ") for line in [head, *rows])


def test_colours_only_where_they_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def shown(*, tty: bool) -> str:
        told = console(tty=tty)
        told.table(COLUMNS, [[Inked("a", "red"), "1", "b"]])
        return out(told)

    assert "\x1b[31ma\x1b[0m" in shown(tty=True)
    assert "\x1b" not in shown(tty=False)
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b" not in shown(tty=True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in shown(tty=True)


def test_quiet_keeps_answers_and_warnings() -> None:
    told = console(quiet=True, verbosity=1)
    told.tell("ask.again")
    told.detail("ask.again")
    told.warn("ask.file-is-open-to-others", path=b"x")
    told.answer("ask.number", last=3)
    assert (out(told), err(told)) == ("Number (1-3):\n", "Other users of this computer can read “x”.\n")


def test_details_are_for_those_who_ask() -> None:
    plain, more = console(), console(verbosity=1)
    for told in (plain, more):
        told.detail("ask.again")
    assert (err(plain), err(more)) == ("", "The same again:\n")


def test_json_is_all_there_is_with_json() -> None:
    told = console(as_json=True)
    told.tell("ask.again")
    told.warn("ask.file-is-open-to-others", path=b"\xff")
    told.json({"name": "照片\u202e"})
    assert json.loads(err(told)) == {
        "warning": "ask.file-is-open-to-others",
        "path": "\ufffd",
        "path_b64": "/w==",
        "message": "Other users of this computer can read “\\xff”.",
    }
    assert out(told) == '{"name": "\\u7167\\u7247\\u202e"}\n'


def test_names_in_json_are_exact() -> None:
    assert named("name", "照片".encode()) == {"name": "照片"}
    assert named("name", b"a\xff") == {"name": "a\ufffd", "name_b64": "Yf8="}


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_long_list_is_one_json_array(count: int) -> None:
    told = console()
    told.json_lines({"n": n} for n in range(count))
    assert json.loads(out(told)) == [{"n": n} for n in range(count)]


def test_a_list_that_was_cut_off_does_not_look_whole() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise OSError("gone")

    told = console()
    with pytest.raises(OSError, match="gone"):
        told.json_lines(failing())
    with pytest.raises(json.JSONDecodeError):
        json.loads(out(told))


def test_silence_and_the_line_are_both_progress() -> None:
    both: list[Progress] = [Silent(), ProgressLine(io.StringIO())]
    for progress in both:
        progress.stage("work")
        progress.total(files=2, bytes=2_000_000)
        progress.add(files=1, bytes=1_000_000, stored=5)
    line = both[1]
    assert isinstance(line, ProgressLine)
    told = "Working  1/2 files  1.0 MB/2.0 MB  100.0 kB/s  about 0:10 left"
    assert line.describe(time.monotonic() + 10) == told


def test_many_threads_count_together() -> None:
    line = ProgressLine(io.StringIO())

    def count() -> None:
        for _ in range(20_000):
            line.add(files=1)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "80,000 files" in line.describe(time.monotonic())


def test_the_line_is_drawn_seldom_and_leaves_no_trace() -> None:
    ours, theirs = pty.openpty()
    with open(theirs, "w") as stream, ProgressLine(stream) as line:
        began = time.monotonic()
        while time.monotonic() - began < 0.55:
            line.add(files=1, bytes=1000)
            time.sleep(0.001)
        drawn = os.read(ours, 65536).decode()
        line.__exit__()
        drawn += os.read(ours, 65536).decode()
    os.close(ours)
    assert 1 <= drawn.count("Working") <= 6
    assert drawn.endswith("\r\x1b[K")


def test_counting_costs_little() -> None:
    line = ProgressLine(io.StringIO())
    began = time.process_time()
    for _ in range(50_000):
        line.add(bytes=1)
    # It takes about 0.3 µs; the rest is for a busy machine.
    assert (time.process_time() - began) / 50_000 < 10e-6
