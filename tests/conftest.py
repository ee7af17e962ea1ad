"""What every test shares: one thread, no downloads, drawing without a screen, and repeatable random examples."""

import os

os.environ.setdefault(
    "OMP_NUM_THREADS", "1"
)  # two OpenMP threads on a loaded machine are up to 30 times slower than one
os.environ.setdefault("MUJOCO_GL", "egl")
os.environ.setdefault("MPLBACKEND", "agg")
os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import pytest
import torch
from hypothesis import settings

torch.set_num_threads(1)
settings.register_profile("para", max_examples=60, deadline=None, derandomize=True, database=None)
settings.register_profile("thorough", max_examples=600, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "para"))


@pytest.fixture(autouse=True)
def _same_random_numbers():
    """Every test starts from the same random state, whatever ran before it."""
    np.random.seed(0)  # noqa: NPY002  libraries still read the global state
    torch.manual_seed(0)
