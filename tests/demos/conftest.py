"""A whole set of two episodes, which tests copy and damage."""

from __future__ import annotations

import pytest

from demos.synthetic import default_camera, make_episode, meta_for
from para.demos import DatasetWriter, stage_episode


@pytest.fixture(scope="package")
def pristine(tmp_path_factory):
    """Its folder; of 24 frames each at 96 x 64, by the plan called ``plan``."""
    camera = default_camera(96, 64)
    root = tmp_path_factory.mktemp("demos") / "pristine"
    with DatasetWriter(root, meta_for(camera), "plan", 2) as writer:
        for i in writer.pending():
            stage_episode(make_episode(0, 24, camera), writer.staging_folder(i))
    return root
