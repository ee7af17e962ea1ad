"""The public names are spelled out, exist, and change only on purpose.

`make golden` rewrites tests/golden/api.txt after a wanted change.
"""

import os
import subprocess
import sys
from pathlib import Path

import para

GOLDEN = Path(__file__).parent / "golden" / "api.txt"


def test_every_public_name_exists():
    assert hasattr(para, "__all__"), "src/para/__init__.py needs __all__, a list of names"
    missing = [name for name in para.__all__ if not hasattr(para, name)]
    assert not missing, f"in para.__all__, but not in para: {missing}"
    assert len(para.__all__) == len(set(para.__all__)), "a name stands twice in para.__all__"


def test_public_names_are_the_golden_ones():
    names = "".join(name + "\n" for name in para.__all__)
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(names)
    assert names == GOLDEN.read_text(), "para.__all__ has changed; if that is wanted, run: make golden"


def test_public_things_are_documented():
    for name in para.__all__:
        assert name.startswith("__") or getattr(getattr(para, name), "__doc__", None), f"para.{name} has no docstring"


def test_importing_para_needs_no_simulator():
    """`import para` works with the core packages alone and starts nothing."""
    heavy = ("mujoco", "robosuite", "libero", "transformers", "matplotlib")
    code = f"import sys, para; print([m for m in {heavy} if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]" and not answer.stderr
