"""Axes -> conditions -> episodes -> records -> statistics."""

from para.evaluation.agents import AgentSpec
from para.evaluation.axes import AXES, Axis, axis_named
from para.evaluation.conditions import Condition
from para.evaluation.evaluate import Evaluation, EvaluationError, evaluate
from para.evaluation.ledger import LedgerEntry, append_ledger, evaluations, read_ledger
from para.evaluation.records import (
    EpisodeError,
    EpisodeRecord,
    Records,
    RecordsError,
    Settings,
    Subject,
    read_records,
    select,
)
from para.evaluation.statistics import (
    PairedDifference,
    Rate,
    graded_area,
    holm,
    not_behind,
    paired_difference,
    success_by_distance,
    wilson,
    wilson_clustered,
)

__all__ = [
    "AXES",
    "AgentSpec",
    "Axis",
    "Condition",
    "EpisodeError",
    "EpisodeRecord",
    "Evaluation",
    "EvaluationError",
    "LedgerEntry",
    "PairedDifference",
    "Rate",
    "Records",
    "RecordsError",
    "Settings",
    "Subject",
    "append_ledger",
    "axis_named",
    "evaluate",
    "evaluations",
    "graded_area",
    "holm",
    "not_behind",
    "paired_difference",
    "read_ledger",
    "read_records",
    "select",
    "success_by_distance",
    "wilson",
    "wilson_clustered",
]
