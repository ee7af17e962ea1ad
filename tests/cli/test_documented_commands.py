"""Every `para` command that the pages and the scripts of `runs/` name is one that today's command line understands."""

import functools
import inspect
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import tyro

from para.cli import COMMANDS
from para.evaluation.axes import axis_named
from para.presets import RECIPES, experiment, policy_preset

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "results/README.md", "runs/README.md")
SCRIPTS = ("runs/axes.sh", "runs/video.sh")
STUB = 'para() { { printf "%q " "$@"; echo; } >> "$NOTED_COMMANDS"; }; export -f para; bash "$@"'
"""Runs a script with a `para` that notes its arguments and does nothing."""


def parsed(arguments: list[str]) -> dict:
    """What the command line makes of a command: SystemExit or ValueError where it is none."""
    command, *rest = arguments
    if command not in COMMANDS:
        raise ValueError(f"no command {command!r}")

    @functools.wraps(COMMANDS[command])
    def noted(**values):
        return values

    values = tyro.cli(noted, args=rest, prog=f"para {command}")
    if "axis" in values:
        axis_named(values["axis"])
    if command == "reproduce":
        experiment(values["preset"])
    elif values.get("preset") and values["preset"] not in RECIPES:
        policy_preset(values["preset"])
    return values


def completed(arguments: list[str]) -> list[str]:
    """A command that is only named, with what it needs besides."""
    command, *rest = arguments
    for name, parameter in inspect.signature(COMMANDS[command]).parameters.items() if command in COMMANDS else ():
        flag = f"--{name.replace('_', '-')}"
        if parameter.default is parameter.empty and flag not in rest:
            positional = tyro.conf.Positional[int].__metadata__[0] in getattr(parameter.annotation, "__metadata__", ())
            positional = positional or "Positional" in str(parameter.annotation)
            if not positional:
                rest += [flag, "somewhere"]
            elif not rest or rest[0].startswith("-"):
                rest.insert(0, "somewhere")
    return [command, *rest]


def lines_of(page: str) -> list[str]:
    """The lines of its shell examples, without comments."""
    blocks = re.findall(r"```(?:bash|sh)\n(.*?)```", page, re.DOTALL)
    return [
        shlex.join(shlex.split(line, comments=True)) for b in blocks for line in b.replace("\\\n", " ").splitlines()
    ]


def spans_of(page: str) -> list[str]:
    """What stands in backticks in its text."""
    text = re.sub(r"```.*?```", "", page, flags=re.DOTALL)
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", text)]


def commands_of(page: str) -> list[list[str]]:
    """Arguments of every `para` command that a page shows or names."""
    found = []
    for line in lines_of(page):
        if match := re.match(r"(?:para|torchrun .* -m para\.cli|accelerate launch .* -m para\.cli) (.*)", line):
            found.append(shlex.split(match[1]))
    for span in spans_of(page):
        if match := re.match(r"para ([a-z].*)", span):
            found.append(completed(shlex.split(match[1])))
        elif match := re.fullmatch(r'make reproduce ARGS="(.*)"', span):
            found.append(["reproduce", *shlex.split(match[1])])
    return found


def scripts_of(page: str) -> list[str]:
    """Every call of one of the scripts, ready for a shell: without what stands for more of the same kind."""
    calls = [line for line in (*lines_of(page), *spans_of(page)) if re.search(r"\bbash runs/\w+\.sh", line)]
    return [call.replace("[folder]", "OUT").replace(" ...", "").replace("[part]", "") for call in calls]


def asked(call: str, folder: Path) -> list[list[str]]:
    """The `para` commands of a script's call, one of each shape: those that differ in numbers alone are read alike."""
    notes = folder / "asked"
    notes.unlink(missing_ok=True)
    words = shlex.split(call)
    environment = [word for word in words if re.match(r"\w+=", word)]
    script = words[words.index("bash") + 1 :]
    done = subprocess.run(
        ["env", *environment, "bash", "-c", STUB, "bash", *script],
        cwd=ROOT, env=os.environ | {"NOTED_COMMANDS": str(notes)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{call}: {done.stderr}"
    lines = notes.read_text().splitlines() if notes.exists() else []
    return [shlex.split(line) for line in lines]


def shapes(commands: list[list[str]]) -> list[list[str]]:
    """One of those that differ in numbers alone, and every axis and preset once."""
    kept = {}
    for command in commands:
        named = [command[i + 1] for i, word in enumerate(command[:-1]) if word in ("--axis", "--preset")]
        draw = [re.sub(r"_n\d+_d\d+$|_d\d+$", "", name) for name in named]
        kept.setdefault((re.sub(r"\d+|/[\w/.]+", "#", " ".join(w for w in command if w not in named)), *draw), command)
    return list(kept.values())


@pytest.mark.parametrize("page", PAGES)
def test_commands_on_the_pages_are_understood(page):
    commands = commands_of((ROOT / page).read_text())
    assert len(commands) >= {"README.md": 10, "results/README.md": 3, "runs/README.md": 1}[page]
    for command in commands:
        refused = refusal(command)
        assert refused is None, f"{page}: para {shlex.join(command)}: {refused}"


def refusal(command: list[str]) -> str | None:
    try:
        parsed(command)
    except (SystemExit, ValueError) as error:
        return f"{type(error).__name__} {error}"
    return None


def test_commands_of_the_scripts_are_understood(tmp_path):
    """As they stand, and as the pages and the scripts' own comments call them."""
    comments = [
        re.sub(r"^# *", "", line) for s in SCRIPTS for line in (ROOT / s).read_text().splitlines() if line[:1] == "#"
    ]
    calls = [f"bash {script} OUT" for script in SCRIPTS]
    calls += [call for page in PAGES for call in scripts_of((ROOT / page).read_text())]
    calls += [
        c.replace("[folder]", "OUT").replace("[part ...]", "lr")
        for c in comments
        if re.search(r"^(\w+=.*)?bash runs", c)
    ]
    assert len(calls) > 8
    commands = []
    for call in dict.fromkeys(calls):
        found = asked(call, tmp_path)
        assert found, f"{call} does nothing"
        commands += found
    assert len(commands) > 300
    for command in shapes(commands):
        refused = refusal(command)
        assert refused is None, f"para {shlex.join(command)}: {refused}"


@pytest.mark.parametrize(
    "command",
    [
        "train --datset my_demos --out outputs/mine",
        "train --dataset my_demos --out outputs/mine --preset parra",
        "evaluate --records r.jsonl --axis lrr",
        "evaluate --records r.jsonl --split tset",
        "reproduce --preset quik",
        "trian --dataset my_demos --out outputs/mine",
        "camera my_demos",
        "check",
    ],
)
def test_what_is_misspelt_is_not(command):
    assert refusal(shlex.split(command)) is not None
    page = f"Some words.\n\n```bash\npara {command}  # a comment\n```\n"
    assert [refusal(c) is not None for c in commands_of(page)] == [True]


def test_commands_are_found_wherever_they_stand():
    page = (
        'Ask `para train --preset\nlocator`, or `make reproduce ARGS="--preset lr"`.\n```bash\npara check \\\n  a # why\n'
        "torchrun --standalone --nproc-per-node 8 -m para.cli train --dataset d --out o  # on GPUs\n```\n"
        'Again: `POLICIES="act ..." bash runs/axes.sh OUT lr`.'
    )
    assert commands_of(page) == [
        ["check", "a"],
        ["train", "--dataset", "d", "--out", "o"],
        ["train", "--preset", "locator", "--dataset", "somewhere", "--out", "somewhere"],
        ["reproduce", "--preset", "lr"],
    ]
    assert scripts_of(page) == ['POLICIES="act" bash runs/axes.sh OUT lr']
