"""The house rules that can be checked by reading files: README's tree is true, folders import only from folders above
them, no file is long, and nothing in the repository knows the machine that it was written on.

`make golden` writes the tree into README.md, from the files' own first lines.
"""

import ast
import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "para"
FILES = sorted(p.relative_to(PACKAGE).as_posix() for p in PACKAGE.rglob("*.py"))

# The data flow. A file imports only from its own line and from those above it.
ORDER = (
    ("atomic", "config", "drawing", "memory"),
    ("geometry",),
    ("types",),
    ("demos",),
    ("dataset",),
    ("backbones",),
    ("heads",),
    ("policy",),
    ("control",),
    ("worlds",),
    ("training",),
    ("evaluation",),
    ("report",),
    ("presets",),
    ("reproduce",),
    ("cli", "__init__"),
)
RANK = {name: rank for rank, names in enumerate(ORDER) for name in names}

ROOMS = {
    "scripts": "set-up for the Makefile",
    "runs": "whole experiments as short scripts, each step with its expected time",
    "benchmarks": "speed and memory, each against a peer or a limit",
    "results": "records, tables and pictures of the published numbers",
    "tests": "mirrors src/para; laws/ holds the geometry to its mathematics",
}
LONGEST = 95
IGNORED = {"src", "data", "outputs", "build", "dist", "__pycache__"}


def room(file: str) -> str:
    """The line of ORDER that a file of the package belongs to."""
    return file.split("/")[0].removesuffix(".py")


def parse(file: str) -> ast.Module:
    return ast.parse((PACKAGE / file).read_text(), filename=file)


def imported(file: str) -> set[str]:
    """Every module name that a file imports, also inside functions; relative imports are resolved."""
    here = ["para", *file.removesuffix(".py").split("/")][:-1]
    names = set()
    for node in ast.walk(parse(file)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            names |= {f"{module}.{alias.name}" for alias in node.names} if module == "para" else {module}
    return names


# ---- the tree in README.md ---------------------------------------------------------------------------------------------


def first_line(file: str) -> str:
    """First sentence of a file's docstring; of a long one, what comes before its last mark of punctuation in time."""
    docstring = (ast.get_docstring(parse(file)) or "").split("\n\n")[0].replace("\n", " ")
    sentence = re.split(r"(?<!et al)\.(?:\s|$)|(?<=\?)\s", docstring)[0]
    ends = [m.start() for m in re.finditer(r"[:;,]\s|\s\(", sentence)]
    whole = [end for end in ends if end <= LONGEST and sentence[:end].count("(") == sentence[:end].count(")")]
    if len(sentence) > LONGEST and whole:
        sentence = sentence[: whole[-1]]
    return sentence.rstrip(".:;")


def tree() -> str:
    """One line for each file of the package, in the order of the data flow, then the other rooms."""
    lines = [("src/para/", "")]
    rooms = sorted({room(f) for f in FILES}, key=lambda r: (RANK.get(r, 99), r))
    for name in ["__init__", *(r for r in rooms if r != "__init__")]:
        members = sorted((f for f in FILES if room(f) == name), key=lambda f: (f.count("/"), f))
        by_folder = sorted(
            members, key=lambda f: (f.rsplit("/", 1)[0] if "/" in f else "", not f.endswith("__init__.py"), f)
        )
        for file in by_folder:
            parts = file.split("/")
            folder_line = len(parts) > 1 and parts[-1] == "__init__.py"
            label = parts[-2] + "/" if folder_line else parts[-1]
            lines.append(("    " * (len(parts) - folder_line) + label, first_line(file)))
    for name, text in ROOMS.items():
        if any(p.is_file() and "__pycache__" not in p.parts for p in (ROOT / name).rglob("*")):
            lines.append((name + "/", text))
    width = max(len(label) for label, _ in lines) + 2
    return "\n".join((label.ljust(width) + text).rstrip() for label, text in lines)


def test_the_tree_in_the_readme_is_true():
    readme = ROOT / "README.md"
    block = re.compile(r"(?<=<!-- tree -->\n```text\n).*?(?=\n```\n)", re.DOTALL)
    text = readme.read_text()
    if os.environ.get("UPDATE_GOLDEN"):
        text = block.sub(lambda _: tree(), text)
        readme.write_text(text)
    written = block.search(text)
    assert written, "README.md has lost its <!-- tree --> block"
    assert written[0].splitlines() == tree().splitlines(), "README.md's tree differs from the files. Run: make golden"


@pytest.mark.parametrize("file", FILES)
def test_every_file_says_what_it_is(file):
    assert first_line(file), f"src/para/{file} needs a docstring; its first sentence is its line in README's tree"
    assert len(first_line(file)) <= 120, f"src/para/{file}: its first sentence is too long for README's tree"


def test_every_room_is_known():
    unknown = {p.name for p in ROOT.iterdir() if p.is_dir() and p.name[0] != "." and not p.name.endswith(".egg-info")}
    assert unknown <= IGNORED | set(ROOMS), "a new top-level folder needs a line in ROOMS"
    assert {room(f) for f in FILES} <= set(RANK), "a new folder or file of src/para needs its place in ORDER"


# ---- imports -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", FILES)
def test_a_file_imports_only_from_above(file):
    mine = RANK[room(file)]
    for module in imported(file):
        if module.split(".")[0] != "para":
            continue
        other = module.split(".")[1] if "." in module else "__init__"
        assert other in RANK, f"{file} imports {module}, which is not a folder of src/para"
        same = other == room(file)
        assert same or RANK[other] < mine, (
            f"{file} imports {module}, but {other} stands below {room(file)} in the data flow"
        )


ONLY_IN = {  # optional packages, and the only folders that may import them
    "lerobot": (),
    "torchvision": (),
    "timm": (),
    "transformers": ("backbones",),
    "diffusers": ("heads", "backbones"),
    "mujoco": ("worlds", "calibration"),
    "robosuite": ("worlds",),
    "libero": ("worlds",),
}


@pytest.mark.parametrize("file", FILES)
def test_optional_packages_stay_in_their_folders(file):
    for module in imported(file):
        allowed = ONLY_IN.get(module.split(".")[0])
        assert allowed is None or room(file) in allowed, f"{file} imports {module}"


# ---- every text file -----------------------------------------------------------------------------------------------------

TEXT = {
    ".py",
    ".md",
    ".toml",
    ".txt",
    ".sh",
    ".cff",
    ".html",
    ".j2",
    ".json",
    ".jsonl",
    ".yml",
    ".yaml",
    ".css",
    ".js",
    ".csv",
}


def text_files() -> list[Path]:
    folders = [ROOT / "src" / "para", ROOT / ".ci", *(ROOT / name for name in ROOMS)]
    files = [p for p in ROOT.iterdir() if p.is_file()] + [p for folder in folders for p in folder.rglob("*")]
    skip = {"__pycache__", ".venv", ".git"}
    return [p for p in files if p.is_file() and not skip & set(p.parts) and (p.suffix in TEXT or not p.suffix)]


def test_no_source_file_is_long():
    long = {}
    for path in text_files():
        if path.suffix in {".py", ".sh"} and (lines := len(path.read_text().splitlines())) > 400:
            long[path.relative_to(ROOT).as_posix()] = lines
    assert not long, f"no file over 400 lines: {long}"


def test_no_file_knows_the_machine_it_was_written_on():
    folders = "|".join(("home/[a-z]", "Users/[A-Za-z]", "root/", "work/", "opt/", "mnt/"))
    path_of_a_machine = re.compile(rf"(?<![\w.\])}}<>*])/({folders})")
    found = []
    for path in text_files():
        if path == Path(__file__).resolve():
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if path_of_a_machine.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    assert not found, "\n".join(found)
