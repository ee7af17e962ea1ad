"""Demonstrations -> labelled, augmented training batches."""

from para.dataset.augment import Augmentation, Erase, Mirror, Orbit, Photometric, Recentre, Roll, Shift, Turn, Zoom
from para.dataset.batch import Batch, Clip, ModelInput, Targets
from para.dataset.clips import ClipPlan
from para.dataset.labels import VolumeLabels, volume_labels
from para.dataset.samples import SampleTable, build_samples, joined
from para.dataset.shapes import PastedShapes
from para.dataset.stream import BatchStream, collate

__all__ = [
    "Augmentation",
    "Batch",
    "BatchStream",
    "Clip",
    "ClipPlan",
    "Erase",
    "Mirror",
    "ModelInput",
    "Orbit",
    "PastedShapes",
    "Photometric",
    "Recentre",
    "Roll",
    "SampleTable",
    "Shift",
    "Targets",
    "Turn",
    "VolumeLabels",
    "Zoom",
    "build_samples",
    "collate",
    "joined",
    "volume_labels",
]
