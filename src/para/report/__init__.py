"""Records -> one self-contained HTML page: tables, maps, curves, rollout videos."""

from para.report.build import EmptyRun, build_report
from para.report.run_folder import RunFolder

__all__ = ["EmptyRun", "RunFolder", "build_report"]
