"""What a check of a demonstration set found."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong or odd."""

    level: str
    """``error`` | ``warning``."""
    episode: int | None
    """None: the whole set."""
    camera: str
    what: str
    advice: str
    picture: Path | None = None
    """PNG that shows it."""


@dataclass(frozen=True)
class CameraEvidence:
    """What the pictures say about one camera of the set."""

    camera: str
    error: np.ndarray
    """(episodes, 4) shift x, shift y, roll, scale against the other episodes, normalised image (0.0175 = 1 degree);
    NaN where there was too little to see."""
    limit: np.ndarray
    """(4,) beyond which an episode is reported: the smallest error that this set can show."""
    motion: tuple[float, float]
    """Correlation, across and down, of what moves in the pictures with the projected end effector; NaN if not judged."""


@dataclass(frozen=True)
class CheckReport:
    """Outcome of `check_dataset`."""

    findings: tuple[Finding, ...]
    evidence: tuple[CameraEvidence, ...]
    episodes: int

    @property
    def ok(self) -> bool:
        """No errors (warnings are allowed)."""
        return not any(finding.level == "error" for finding in self.findings)

    @property
    def wrong_episodes(self) -> list[int]:
        """Episodes with an error."""
        return sorted({f.episode for f in self.findings if f.level == "error" and f.episode is not None})

    def text(self) -> str:
        """For a terminal."""
        lines = []
        for f in self.findings:
            where = "whole set" if f.episode is None else f"episode {f.episode}"
            lines.append(f"{f.level.upper()}  {where}, camera {f.camera}: {f.what}. {f.advice}")
            if f.picture is not None:
                lines.append(f"       picture: {f.picture}")
        for e in self.evidence:
            if np.isfinite(e.error).any():
                turn, roll, scale = np.rad2deg(e.limit[:2].max()), np.rad2deg(e.limit[2]), e.limit[3]
                lines.append(
                    f"camera {e.camera}: a single episode's camera is reported when it is off by more than about "
                    f"{turn:.1f} deg in aim, {roll:.1f} deg in roll or {scale:.1%} in distance. An error that all "
                    "episodes share does not show here."
                )
        lines.append(f"{self.episodes} episodes: {'ok' if self.ok else 'NOT ok'}")
        return "\n".join(lines)
