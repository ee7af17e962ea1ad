"""Demonstrations -> labelled, augmented training batches."""

from para.dataset.augment import Augmentation, Erase, Photometric, Recentre, Shift, Turn, Zoom
from para.dataset.batch import GRIP_MEMORY, Batch, Clip, ModelInput, Targets
from para.dataset.clips import ClipPlan
from para.dataset.labels import VolumeLabels, volume_labels
from para.dataset.samples import SampleTable, build_samples, grip_distances, joined
from para.dataset.stream import BatchStream, collate

__all__ = [
    "GRIP_MEMORY",
    "Augmentation",
    "Batch",
    "BatchStream",
    "Clip",
    "ClipPlan",
    "Erase",
    "ModelInput",
    "Photometric",
    "Recentre",
    "SampleTable",
    "Shift",
    "Targets",
    "Turn",
    "VolumeLabels",
    "Zoom",
    "build_samples",
    "collate",
    "grip_distances",
    "joined",
    "volume_labels",
]
