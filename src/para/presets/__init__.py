"""Named policies and experiments as Python objects."""

from para.presets.experiments import EXPERIMENTS, Experiment, Row, experiment
from para.presets.policies import POLICIES, fitted, policy_preset

__all__ = ["EXPERIMENTS", "POLICIES", "Experiment", "Row", "experiment", "fitted", "policy_preset"]
