"""Many learners one after another, of whom some may fail, and all may warn."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from time import perf_counter
from typing import Any

from sklearn.exceptions import ConvergenceWarning

from skmeta.evaluation.progress import Progress

__all__ = ["Attempts"]


class Attempts:
    """What learners do, stage by stage, with what went wrong.

    Parameters
    ----------
    progress : Progress
        Is told what goes on.

    Attributes
    ----------
    seconds : dict of str to float
        How long each learner took, all stages together.
    failures : dict of str to str
        Learners that failed, and why.
    """

    def __init__(self, progress: Progress):
        self.progress = progress
        self.seconds: dict[str, float] = {}
        self.failures: dict[str, str] = {}
        self._warned: dict[str, list[str]] = {}

    def run(
        self, stage: str, name: str, work: Callable[[], Any], *, timed: bool = True
    ) -> Any:
        """Let a learner work, unless it has failed before.

        Parameters
        ----------
        stage : str
            What it is about.
        name : str
            Who works.
        work : callable
            Returns what came of it.
        timed : bool, default=True
            Whether the time is its own.

        Returns
        -------
        object
            What came of it, or None.
        """
        if name in self.failures:
            return None
        start = perf_counter()
        with (
            self.progress.step(stage, name),
            warnings.catch_warnings(record=True) as caught,
        ):
            warnings.simplefilter("always")
            try:
                return work()
            # Learners of other packages raise whatever they like.
            except Exception as error:
                self.failures[name] = str(error).strip() or type(error).__name__
                self.progress.say(f"{name} failed: {self.failures[name]}")
                self.progress.leave_out(name)
                return None
            finally:
                took = perf_counter() - start if timed else 0.0
                self.seconds[name] = self.seconds.get(name, 0.0) + took
                self._remember(name, caught)

    def remarks(self) -> list[str]:
        """Return who warned of what."""
        return [f"{', '.join(who)}: {what}" for what, who in self._warned.items()]

    def _remember(self, name: str, caught: list[warnings.WarningMessage]) -> None:
        for warning in caught:
            text = str(warning.message)
            is_ours = issubclass(warning.category, (UserWarning, RuntimeWarning))
            too_fine = issubclass(warning.category, ConvergenceWarning)
            # Whether it helps is what the verdict says, by the tasks kept for judging.
            known = text.startswith("Meta-learning does not help")
            if is_ours and not too_fine and not known:
                who = self._warned.setdefault(text, [])
                if name not in who:
                    who.append(name)
