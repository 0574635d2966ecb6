"""How far an evaluation is, and how long it will take: one bar for the whole."""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import TextIO

__all__ = ["Progress"]

# Seconds between two drawings, so that time goes on while a learner trains.
_PAUSE = 0.5
_BLOCKS = " ▏▎▍▌▋▊▉█"
_WIDTH = 20
# The first stage, and a later one until some learner has gone through it.
_AS_LONG = (1.0, 1.2)
# What works longer than was reckoned is taken to be so far, in parts of the whole.
_LONGER = 1.25


class Progress:
    """A bar on a terminal, a line for each stage anywhere else.

    What is left is reckoned by what a learner took in the first stage, and until it has
    gone through that by what the others took.

    Parameters
    ----------
    stages : sequence of str
        What all learners go through, in this order.
    costs : dict of str to float
        Learners, and what each may take beside the others.
    stream : TextIO, default=None
        Where it is shown; None is standard error.
    """

    def __init__(
        self,
        stages: Sequence[str],
        costs: dict[str, float],
        stream: TextIO | None = None,
    ):
        self.stages = list(stages)
        self.costs = costs
        self.stream = sys.stderr if stream is None else stream
        self.on_terminal = self.stream.isatty()
        self._took: dict[tuple[str, str], float] = {}
        self._stage, self._now, self._since = "", "", 0.0
        self._drawing = threading.Lock()

    def begin(self, title: str) -> None:
        """Tell in words of what begins, where no bar shows it."""
        if not self.on_terminal:
            self.say(title)

    @contextmanager
    def step(self, stage: str, name: str) -> Iterator[None]:
        """Show that a learner goes through a stage, until the block ends."""
        self._stage, self._now, self._since = stage, name, monotonic()
        ended = threading.Event()
        drawer = threading.Thread(target=self._draw_until, args=(ended,), daemon=True)
        if self.on_terminal:
            drawer.start()
        try:
            yield
        finally:
            ended.set()
            if self.on_terminal:
                drawer.join()
                self._wipe()  # an error or Ctrl-C may come next
                self.stream.flush()
            self._took[stage, name] = monotonic() - self._since
            self._now = ""

    def leave_out(self, name: str) -> None:
        """Expect nothing more of a learner, which has failed."""
        self.costs = {each: own for each, own in self.costs.items() if each != name}

    def say(self, line: str) -> None:
        """Write a line, above the bar if there is one."""
        with self._drawing:
            self._wipe()
            print(line, file=self.stream, flush=True)

    def seconds_left(self) -> float | None:
        """Reckon the time left.

        Returns
        -------
        float or None
            Seconds; None while nothing is known.
        """
        first = self.stages[0]
        known = self._times(first)
        if not known:
            return None
        spent, now = self._spent, (self._stage, self._now)
        rate = sum(known.values()) / max(sum(self.costs[name] for name in known), 1e-9)
        expected = {n: known.get(n, rate * own) for n, own in self.costs.items()}
        if now[0] == first and now[1] in expected:  # it may take longer than reckoned
            expected[now[1]] = max(expected[now[1]], _LONGER * spent)
        left = 0.0
        for stage in self.stages:
            ratio = self._ratio(stage, expected)
            for name, own in expected.items():
                if (stage, name) == now:
                    left += max(ratio * own - spent, 0.0)
                elif (stage, name) not in self._took:
                    left += ratio * own
        return left

    def _ratio(self, stage: str, expected: dict[str, float]) -> float:
        """Reckon how long a stage takes, in times of the first."""
        took = self._times(stage)
        if stage == self.stages[0] or not took:
            return _AS_LONG[self.stages.index(stage) > 0]
        return sum(took.values()) / max(sum(expected[name] for name in took), 1e-9)

    def _times(self, stage: str) -> dict[str, float]:
        took = {name: t for (own, name), t in self._took.items() if own == stage}
        return {name: t for name, t in took.items() if name in self.costs}

    @property
    def _spent(self) -> float:
        return monotonic() - self._since if self._now else 0.0

    @property
    def share(self) -> float:
        """How much is done, by the time it takes."""
        left = self.seconds_left()
        if left is None:
            return 0.0
        done = sum(self._took.values()) + self._spent
        return done / max(done + left, 1e-9)

    def _draw_until(self, ended: threading.Event) -> None:
        while True:
            with self._drawing:
                self._wipe()
                self.stream.write(self._bar())
                self.stream.flush()
            if ended.wait(_PAUSE):
                return

    def _bar(self) -> str:
        share = self.share
        eighths = round(8 * _WIDTH * share)
        whole = _BLOCKS[-1] * (eighths // 8) + _BLOCKS[eighths % 8] * (eighths < 160)
        left = self.seconds_left()
        words = "" if left is None else f", {_time(left)} left"
        now = f"{self._stage} {self._now}"
        text = f"{share:4.0%} {whole:{_WIDTH}.{_WIDTH}}{words} | {now}"
        return text[: shutil.get_terminal_size().columns - 1]

    def _wipe(self) -> None:
        if self.on_terminal:
            self.stream.write("\r\x1b[K")


def _time(seconds: float) -> str:
    """Write a time as people do, 0:05, 12:34 or 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
