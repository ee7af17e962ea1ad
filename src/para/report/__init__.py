"""Records -> one self-contained HTML page: tables, maps, curves, rollout videos."""

from para.report.build import build_report
from para.report.run_folder import RunFolder
from para.report.sources import EmptyRun

__all__ = ["EmptyRun", "RunFolder", "build_report"]
