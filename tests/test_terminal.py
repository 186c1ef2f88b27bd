"""What a person at a terminal sees, and that a pipe gets the same text plain."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import getspec
from getspec.cli import COMMANDS, look, parsed
from getspec.emit.text import verdict_line
from getspec.passes.sweep import Axis
from getspec.search import Search, followed
from getspec.terminal import STYLES, Look, Progress, short

ROOT = Path(__file__).resolve().parent.parent
PRETRAIN, DIFFUSION, GPT2 = "specs/pretrain.yaml", "specs/diffusion.yaml", "specs/zoo/gpt2.yaml"
ESCAPES = re.compile(r"\x1b\[[0-9;]*[mK]")
CLEAN = {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM", "LC_ALL", "LC_CTYPE", "LANG"}


def environment(**given: str) -> dict[str, str]:
    base = {name: value for name, value in os.environ.items() if name not in CLEAN}
    return {**base, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "LANG": "C.UTF-8", **given}


def at_terminal(*words: str, columns: int = 80, **given: str) -> str:
    """What the program writes to a terminal of so many columns, standard error included."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    command = [sys.executable, "-m", "getspec", *words]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment(**given), stdout=theirs, stderr=theirs, stdin=theirs
    )
    os.close(theirs)
    parts = []
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # Linux says so where the other end is closed
            break
        if not part:
            break
        parts.append(part)
    process.wait()
    os.close(ours)
    return b"".join(parts).decode().replace("\r\n", "\n")


def piped(*words: str, **given: str) -> str:
    command = [sys.executable, "-m", "getspec", *words]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(**given), capture_output=True, check=False
    )
    return done.stdout.decode()


def plain(text: str) -> str:
    return ESCAPES.sub("", text)


LOOKED_AT = [
    ("count", DIFFUSION),
    ("count", DIFFUSION, "--parameters"),
    ("cost", "specs/zoo/llama-3-8b.yaml", "--shape", "B=1,N=2048"),
    ("cost", DIFFUSION),
    ("diff", PRETRAIN, DIFFUSION),
    ("formula", GPT2, "--of", "flops"),
    ("explain", DIFFUSION, "encoder.blocks.3.attn"),
    ("check", PRETRAIN, "tests/conformance/schema/several-mistakes/spec.yaml"),
    ("sweep", GPT2, "--set", "embed_dim=768:1024:64"),
    ("solve", GPT2, "--params", "350M", "--vary", "num_layers"),
    ("cost", GPT2, "--shape", "B=1,N=1024", "--like", "fvcore"),
    ("count", GPT2, "--depth", "1", "--like", "torchinfo"),
    ("schema", "--ops"),
]


@pytest.mark.parametrize(
    ("words", "columns"),
    [*((words, 80) for words in LOOKED_AT), *((words, 140) for words in LOOKED_AT[2:5])],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else str(value),
)
def test_no_line_is_wider_than_the_terminal(words: tuple[str, ...], columns: int) -> None:
    shown = at_terminal(*words, columns=columns)
    assert "\x1b[" in shown, "there is colour on a terminal"
    assert shown.count("\x1b[0m") * 2 == len(re.findall(r"\x1b\[[0-9;]*m", shown)), "all ends"
    wide = [line for line in plain(shown).splitlines() if len(line) > columns]
    assert not wide


@pytest.mark.parametrize("words", [LOOKED_AT[0], LOOKED_AT[2], LOOKED_AT[4]], ids=" ".join)
def test_a_pipe_gets_plain_text_whatever_the_terminal(words: tuple[str, ...]) -> None:
    text = piped(*words)
    assert text.isascii(), "no bars"
    assert "\x1b" not in text
    assert text == piped(*words, COLUMNS="40", LC_ALL="C", TERM="dumb", NO_COLOR="1")
    assert text == at_terminal(*words, columns=60, TERM="dumb"), "and a dumb terminal too"


def test_a_terminal_shows_shares_and_human_numbers_beside_full_ones() -> None:
    shown = plain(at_terminal("count", PRETRAIN, "--depth", "1"))
    assert "85,484,059 parameters (85.5M)\n" in shown
    assert re.search(r"encoder +\w+ +85,046,784 +99\.49  \u2501{10,}\n", shown), shown
    assert re.search(r"mask_token +parameter +768 +0\.00\n", shown), "nothing to see is no bar"


def test_a_c_locale_is_ascii() -> None:
    shown = plain(at_terminal("count", PRETRAIN, LC_ALL="C"))
    assert "=========" in shown
    assert shown.isascii()


@pytest.mark.parametrize("columns", [40, 140])
def test_where_columns_are_left_out_it_is_said(columns: int) -> None:
    shown = plain(at_terminal("cost", GPT2, "--shape", "B=1,N=1024", columns=columns))
    left = re.search(r"columns have no room for: ([\w, ]+)", " ".join(shown.split()))
    for name in ("MACs", "forward FLOPs", "output"):
        assert (name in shown.split("total")[0]) != (left is not None and name in left[1])


# Colour is asked for, refused, or left to the terminal

STREAMS = {"terminal": True, "pipe": False}


@pytest.mark.parametrize("flag", ["auto", "always", "never"])
@pytest.mark.parametrize("forced", ["", "1"])
@pytest.mark.parametrize("refused", ["", "1"])
@pytest.mark.parametrize("stream", STREAMS)
def test_a_flag_beats_the_environment_and_the_environment_the_terminal(
    flag: str, forced: str, refused: str, stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("NO_COLOR", refused), ("FORCE_COLOR", forced), ("TERM", "xterm")):
        monkeypatch.setenv(name, value)
    opened = SimpleNamespace(
        isatty=lambda: STREAMS[stream], encoding="utf-8", fileno=io.BytesIO().fileno
    )
    found = look(opened, flag)
    wanted = {
        "always": True,
        "never": False,
        "auto": not refused and (bool(forced) or STREAMS[stream]),
    }[flag]
    assert (found is not None and found.color) == wanted
    assert (found is not None) == (wanted or STREAMS[stream]), "bars need no colour"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_takes_color(name: str) -> None:
    needed = {
        "diff": ["a", "b"],
        "solve": ["a", "--params", "1", "--vary", "b"],
        "import": ["--config", "a"],
        "schema": [],
        "init": [],
        "completion": ["bash"],
        "report": ["a", "--output", "b"],
    }
    given = needed.get(name, ["a"])
    assert parsed([name, *given, "--color", "always"]).color == "always"


def test_what_generate_would_change_is_told_apart() -> None:
    shown = at_terminal("generate", PRETRAIN, "--set", "num_heads=8", "--diff")
    assert "\x1b[1;31m-        num_heads: int = 12,\x1b[0m" in shown
    assert "\x1b[32m+        num_heads: int = 8,\x1b[0m" in shown
    assert "\x1b" not in piped("generate", PRETRAIN, "--set", "num_heads=8", "--diff")


def test_errors_of_usage_are_coloured_too() -> None:
    assert "\x1b[1;31merror[GS090]\x1b[0m: cannot read" in at_terminal("count", "missing.yaml")


def test_json_is_never_coloured() -> None:
    for words in (("count", PRETRAIN), ("check", PRETRAIN), ("diff", PRETRAIN, DIFFUSION)):
        assert "\x1b" not in piped(*words, "--json", "--color", "always")


def test_documents_are_never_coloured(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"<!-- getspec: count {PRETRAIN} -->\n<!-- /getspec -->\n")
    piped("docs", str(page), FORCE_COLOR="1")
    assert "85,484,059" in page.read_text()
    assert "\x1b" not in page.read_text()


def test_the_styles_are_of_the_sixteen_colours_and_none_that_vanishes() -> None:
    codes = {int(code) for style in STYLES.values() for code in style.split(";")}
    assert codes <= {1, 2, *range(30, 38)}
    assert not codes & {30, 33, 34, 37}, "black, yellow, blue and white vanish on some background"


# Tables

WORDS = st.text("abc_.*", min_size=0, max_size=40)
ROWS = st.integers(1, 5).flatmap(
    lambda width: st.tuples(
        st.lists(st.lists(WORDS, min_size=width, max_size=width), min_size=1, max_size=8),
        st.text("<>", min_size=width, max_size=width),
    )
)


@given(ROWS, st.integers(60, 200), st.booleans(), st.booleans())
def test_a_table_fits_or_has_nothing_left_to_shorten(
    drawn: tuple[list[list[str]], str], width: int, unicode: bool, color: bool
) -> None:
    rows, align = drawn
    shares = [at / len(rows) for at in range(len(rows))]
    seen = Look(color=color, width=width, unicode=unicode)
    lines = [plain(line) for line in seen.table(rows, align, head=True, bars=shares)]
    assert len(lines) == len(rows)
    numbers = sum(max(len(row[at]) for row in rows) for at, side in enumerate(align) if side == ">")
    if numbers + 10 * len(align) <= width:
        assert all(len(line) <= width for line in lines)


@given(WORDS, st.integers(4, 30), st.booleans())
def test_a_cut_name_keeps_its_ends(text: str, width: int, unicode: bool) -> None:
    seen = Look(color=False, width=80, unicode=unicode)
    found = seen.cut(text, width, name=True)
    if len(text) <= width:
        assert found == text
    else:
        assert found[0] == text[0]
        assert len(found) == width


@given(st.floats(0, 1), st.integers(6, 20))
def test_a_bar_is_as_long_as_its_share(share: float, cells: int) -> None:
    halves = Look(color=False, width=80).bar(share, cells)
    length = halves.count("\u2501") + halves.count("\u2578") / 2
    assert abs(length - share * cells) <= 0.25 + 1e-9
    assert (
        abs(len(Look(color=False, width=80, unicode=False).bar(share, cells)) - share * cells)
        <= 0.5
    )


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1K"),
        (85_484_059, "85.5M"),
        (128_767_003, "129M"),
        (999_999, "1M"),
        (8_030_261_248, "8.03B"),
        (-36_864, "-36.9K"),
        (312 * 10**21, "3.12e23"),
        (-(10**400), "-1.00e400"),
    ],
)
def test_short_numbers(number: int, text: str) -> None:
    assert short(number) == text


# Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_silent_for_a_second_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr("getspec.terminal.time", SimpleNamespace(monotonic=lambda: now[0]))
    stream = Terminal()
    with Progress(stream) as progress:
        for _ in range(9):
            now[0] += 0.1
            progress.show("early")
        assert stream.getvalue() == ""
        now[0] += 0.2
        progress.show("x" * 200)
        assert plain(stream.getvalue()).strip() == "x" * 79, "one line stays one line"
        progress.show("at once again")
        assert "again" not in stream.getvalue()
    assert stream.getvalue().endswith("\r\x1b[K"), "the line is taken away"


def test_progress_is_for_terminals() -> None:
    stream = io.StringIO()
    with Progress(stream) as progress:
        progress.due = 0.0
        progress.show("anything")
    assert stream.getvalue() == ""


def test_progress_is_taken_away_where_the_work_fails() -> None:
    stream = Terminal()

    def interrupted() -> None:
        with Progress(stream) as progress:
            progress.due = 0.0
            progress.show("working")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert stream.getvalue().endswith("working\r\x1b[K")


def test_a_search_says_how_far_it_is() -> None:
    search = Search(getspec.load(ROOT / GPT2), [Axis("num_layers", range(1, 101))], {})
    stream = Terminal()
    with Progress(stream) as progress:
        progress.due = 0.0
        rows = [row for part in followed(search, progress) for row in part]
    assert len(rows) == 100
    assert re.search(r"\d+ %  \d+ of 100  [\d,]+ a second", stream.getvalue())


@pytest.mark.parametrize("ok", [True, False])
def test_a_verdict_hangs_below_its_first_line(ok: bool) -> None:
    verdict = SimpleNamespace(
        model="Model", check="forward", ok=ok, detail="a word " * 12 + "end", seconds=0.1
    )
    one = verdict_line(verdict)
    assert one.endswith(f"{'a word ' * 12}end  (0.1 s)"), "one line for whoever reads it by line"
    lines = plain(verdict_line(verdict, Look(color=True, width=60))).splitlines()
    assert len(lines) > 2
    assert lines[0].startswith("ok    Model" if ok else "FAIL  Model")
    assert all(line.startswith(" " * 29) and line[29] != " " for line in lines[1:])
    assert all(len(line) <= 60 for line in lines)
    assert lines[-1].endswith("(0.1 s)"), "a number stays beside its unit"


@pytest.mark.torch
def test_verify_says_what_it_checks_before_it_does() -> None:
    from getspec.verify import choose_device, verify_spec

    heard: list[str] = []
    spec = getspec.load(ROOT / PRETRAIN, set={"num_layers": 1, "embed_dim": 24, "num_heads": 2})
    for verdict in verify_spec(spec, choose_device("cpu"), None, heard.append):
        assert heard[-1] == verdict.check
        if verdict.check == "sharing":
            break
