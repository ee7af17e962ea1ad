"""Named policies and experiments as Python objects."""

from para.presets.adapt import fitted, for_demos
from para.presets.experiments import EXPERIMENTS, Experiment, Row, experiment
from para.presets.policies import POLICIES, policy_preset
from para.presets.video import RECIPES, recipe, with_weights

__all__ = [
    "EXPERIMENTS",
    "POLICIES",
    "RECIPES",
    "Experiment",
    "Row",
    "experiment",
    "fitted",
    "for_demos",
    "policy_preset",
    "recipe",
    "with_weights",
]
