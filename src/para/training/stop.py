"""A stop that waits for the step in progress: Ctrl-C, or a polite kill, between two steps and never inside one."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType


class Stop:
    """Notes the first SIGINT or SIGTERM, and lets the second one through at once.

    What a step changes, weights and the optimiser's and the objective's averages, is whole between steps only: a state saved
    there can be resumed exactly. Does nothing outside the main thread, where Python handles no signals.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self, enabled: bool = True) -> None:
        self.enabled = enabled and threading.current_thread() is threading.main_thread()
        self.asked = False
        self._heard: list[signal.Signals] = []

    def listen(self) -> None:
        """From here on a signal is noted."""
        # Whoever handles a signal otherwise, or has it ignored (nohup), keeps it.
        heard = [s for s in self.SIGNALS if signal.getsignal(s) is signal.default_int_handler] if self.enabled else []
        for number in heard:
            signal.signal(number, self._note)
        self._heard = heard

    def check(self) -> None:
        """KeyboardInterrupt if a stop was asked for."""
        if self.asked:
            raise KeyboardInterrupt

    def rest(self) -> None:
        """Give the signals back."""
        while self._heard:
            signal.signal(self._heard.pop(), signal.default_int_handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            self.rest()
            raise KeyboardInterrupt
        self.asked = True
        print("\nstopping after this step; once more to stop at once", file=sys.stderr)
