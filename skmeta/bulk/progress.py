"""What is said of long work: a bar in a terminal, else a line for each stage."""

import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from tqdm.auto import tqdm

from skmeta.utils.messages import warn

__all__ = ["Stages", "first_of_a_kind"]


class Stages:
    """Says on standard error how far work has got.

    Parameters
    ----------
    verbose : bool
        False says nothing.
    """

    def __init__(self, verbose: bool):
        self._verbose = verbose

    @contextmanager
    def stage(self, title: str, total: int, done: int = 0) -> Iterator[tqdm]:
        """Open a bar over rows; without a terminal a line says when it is done.

        Parameters
        ----------
        title : str
            What is done.
        total, done : int
            Rows, and how many of them an earlier process has done.
        """
        shows = self._verbose and sys.stderr.isatty()
        started = monotonic()
        bar = tqdm(
            total=total,
            initial=done,
            desc=title,
            unit=" rows",
            unit_scale=True,
            disable=not shows,
        )
        with bar:
            yield bar
        if not shows:
            went_on = f", {done:,} of them before" if done else ""
            self.say(f"{title}: {total:,} rows{went_on}, {monotonic() - started:.1f} s")

    def say(self, line: str) -> None:
        """Say a line."""
        if self._verbose:
            print(line, file=sys.stderr, flush=True)


@contextmanager
def first_of_a_kind(told: set[str]) -> Iterator[None]:
    """Let a warning through once, whatever names and numbers are in its text.

    Parameters
    ----------
    told : set of str
        Kinds that were let through; the block adds to it.
    """
    with warnings.catch_warnings(record=True) as caught:
        yield
    for each in caught:
        text = str(each.message)
        kind = re.sub(r"\[.*?\]|[\d.,]+", "", text)
        if kind not in told:
            told.add(kind)
            warn(text, each.category)
