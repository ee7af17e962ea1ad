"""ACT: action chunking with transformers."""

from para.heads.act.act import ActConfig, ActHead
from para.heads.act.transformer import TransformerConfig

__all__ = ["ActConfig", "ActHead", "TransformerConfig"]
