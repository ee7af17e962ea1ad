"""The coordinate-regressing rivals: a reading (pooled, dense, soft-argmax) times an action space."""

from para.heads.regression.config import Dense, GlobalRegressionConfig, Pooled, Reading, SoftArgmax
from para.heads.regression.head import RegressionHead, RegressionOutputs

__all__ = ["Dense", "GlobalRegressionConfig", "Pooled", "Reading", "RegressionHead", "RegressionOutputs", "SoftArgmax"]
