"""How far answers to new tasks are off, by tasks that were not learnt from."""

from __future__ import annotations

import copy
import math
import zlib
from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import _safe_indexing, check_consistent_length
from sklearn.utils.validation import _num_samples

from skmeta.exceptions import LoadError
from skmeta.tables.unlabelled import known_targets, missing_targets

__all__ = ["Calibration", "Misfits", "TrainingRows", "check_coverage", "least_tasks"]

# Levels of a distribution that are told apart.
_N_LEVELS = 1000
# What sums of weights may be off.
_ROUNDING = 1e-9
# Numbers of training rows up to which they are copied: 32 MiB in double precision.
_MOST_COPIED = 2**22
# Rows that are looked at together, to tell whether others are still the same.
_AT_ONCE = 2**16


class TrainingRows(NamedTuple):
    """What ``fit`` was given, by reference until it is :meth:`kept`.

    Attributes
    ----------
    X, y, groups, sample_weight, in_support
        As ``fit`` takes them.
    checksum : int or None
        Of all these, where they are kept as they are; None where they are copies.
    parameters : dict or None
        Parameters that the estimator had in ``fit``, by name; those of its objects,
        too.
    """

    X: Any
    y: Any
    groups: Any = None
    sample_weight: Any = None
    in_support: Any = None
    checksum: int | None = None
    parameters: Mapping[str, Any] | None = None

    def given(self) -> tuple[Any, ...]:
        """Return what ``fit`` was given, in the order that it has there."""
        return self[:5]

    def kept(self, estimator: Any) -> TrainingRows:
        """Return rows to learn from later: copies of a few, and of many a checksum.

        Parameters
        ----------
        estimator : estimator
            Whose parameters are noted, which may be set after ``fit``.
        """
        parameters = estimator.get_params()
        n_numbers = sum(math.prod(_shape(each)) for each in self.given())
        if n_numbers <= _MOST_COPIED:
            copies = TrainingRows(*map(_copied, self.given()))
            return copies._replace(parameters=parameters)
        return self._replace(checksum=self._checksum(), parameters=parameters)

    @property
    def have_changed(self) -> bool:
        """Whether somebody has changed what is kept."""
        return self.checksum is not None and self.checksum != self._checksum()

    def _checksum(self) -> int:
        found = 0
        for each in self.given():
            if each is None:
                continue
            for start in range(0, _num_samples(each), _AT_ONCE):
                block = np.asarray(_safe_indexing(each, slice(start, start + _AT_ONCE)))
                found = zlib.crc32(_as_bytes(block), found)
        return found

    def labelled(self) -> TrainingRows:
        """Leave out rows without a target, of which nothing can be compared."""
        missing = missing_targets(self.y)
        if missing is None:
            return self
        check_consistent_length(self.X, missing)
        kept = np.flatnonzero(~missing)

        def pick(each: Any) -> Any:
            values = np.asarray(each)
            is_of_rows = each is not None and values.shape[:1] == missing.shape
            return _safe_indexing(values, kept) if is_of_rows else each

        return TrainingRows(
            _safe_indexing(self.X, kept),
            known_targets(self.y, missing),
            *map(pick, self.given()[2:]),  # what is of another length is refused later
        )


def _copied(each: Any) -> Any:
    return np.array(each) if isinstance(each, memoryview) else copy.deepcopy(each)


def _shape(each: Any) -> tuple[int, ...]:
    """Tell the shape of what is an array, or becomes one."""
    shape: tuple[int, ...] = getattr(each, "shape", None) or np.asarray(each).shape
    return shape


def _as_bytes(block: np.ndarray) -> bytes:
    """Write values such that equal ones are equal bytes."""
    if block.dtype.kind in "OT":  # pointers to what is there
        words = "".join(f"{each}\0" for each in block.ravel().tolist())
        return words.encode(errors="replace")
    return block.tobytes()


class Misfits(NamedTuple):
    """How badly answers fit, row by row, to tasks that were not learnt from.

    Attributes
    ----------
    size : int ndarray of shape (n_rows,)
        Support rows that the row's task was learnt from.
    score : float ndarray of shape (n_rows,)
        How badly the answer fits.
    task : int ndarray of shape (n_rows,)
        Task of each row.
    weight : float ndarray of shape (n_rows,)
        How much each row counts inside its task.
    """

    size: np.ndarray
    score: np.ndarray
    task: np.ndarray
    weight: np.ndarray

    @classmethod
    def joined(cls, parts: Iterable[Misfits]) -> Misfits:
        """Put the rows of parts one after another; of no part, no row."""
        parts = [*parts]
        if not parts:
            return cls(*[np.empty(0)] * 4)
        return cls(*map(np.concatenate, zip(*parts, strict=True)))


class Calibration:
    r"""Distributions of misfits for several numbers of support rows, and their bounds.

    Tasks are exchangeable (Fisch et al. 2021), rows are inside their task. With scores
    :math:`s_{ki}` of the rows of K tasks that were not learnt from, a row that is drawn
    from a new task has with a probability of at least c a score of at most

    .. math::
        q = \inf\Big\{s : \frac{1}{K + 1} \sum_{k=1}^K \sum_i
            \frac{w_{ki}}{\sum_j w_{kj}} \, 1[s_{ki} \le s] \ge c\Big\}

    (Lee, Barber, Willett 2023, theorem 1: hierarchical conformal prediction; Dunn,
    Wasserman, Ramdas 2022), which is infinite for fewer than c / (1 - c) tasks. The
    supports are drawn as those of new tasks will be, for each number of rows anew.

    Parameters
    ----------
    training : TrainingRows, default=None
        What can be calibrated with later, by learning from a part of it at a time.
        Copies share it, and it is not pickled.

    Attributes
    ----------
    sizes : int ndarray of shape (n_sizes,) or None
        Numbers of support rows, sorted; None before anything is known.
    n_tasks : int ndarray of shape (n_sizes,)
        Tasks that tell of each size.
    scores, levels : list of float ndarray
        For each size sorted scores, and the share of rows that have a lower one or the
        same; all tasks count alike. A thousand of them at most.

    References
    ----------
    A. Fisch, T. Schuster, T. Jaakkola, R. Barzilay. Few-shot conformal prediction with
    auxiliary tasks. ICML 2021.

    Y. Lee, R. F. Barber, R. Willett. Distribution-free inference with hierarchical
    data. 2023.

    R. Dunn, L. Wasserman, A. Ramdas. Distribution-free prediction sets for two-layer
    hierarchical models. JASA 118, 2022.

    Examples
    --------
    Of nine tasks the largest score counts, of eight none is enough.

    >>> import numpy as np
    >>> from skmeta.estimators.calibration import Calibration, Misfits
    >>> for n_tasks in (9, 8):
    ...     task = np.arange(n_tasks)
    ...     rows = Misfits(np.full(n_tasks, 5), task / 1.0, task, np.ones(n_tasks))
    ...     print(Calibration().learn(rows).bounds(np.array([5]), 0.9)[0])
    [8.]
    [inf]
    """

    def __init__(self, training: TrainingRows | None = None):
        self.training = training
        self.sizes: np.ndarray | None = None
        self.n_tasks = np.empty(0, dtype=np.intp)
        self.scores: list[np.ndarray] = []
        self.levels: list[np.ndarray] = []

    @property
    def is_ready(self) -> bool:
        """Tell whether it knows how far answers are off."""
        return self.sizes is not None

    def learn(self, misfits: Misfits) -> Calibration:
        """Take over what answers to tasks that were not learnt from show."""
        sizes = np.unique(misfits.size).astype(np.intp)
        n_tasks, scores, levels = [], [], []
        for size in sizes:
            own = misfits.size == size
            task = np.unique(misfits.task[own], return_inverse=True)[1]
            weight = misfits.weight[own] / np.bincount(task, misfits.weight[own])[task]
            order = np.argsort(misfits.score[own], kind="stable")
            level = np.cumsum(weight[order]) / (task.max() + 1)
            # The last of each step, so that nothing is promised that is not so.
            step = np.minimum(level * _N_LEVELS, _N_LEVELS - 1).astype(np.intp)
            last = np.append(np.diff(step) > 0, True)
            n_tasks.append(int(task.max()) + 1)
            scores.append(misfits.score[own][order][last])
            levels.append(level[last])
        self.n_tasks, self.scores, self.levels = (
            np.array(n_tasks, np.intp),
            scores,
            levels,
        )
        self.sizes = sizes  # last, for it says that all is there
        return self

    def bounds(
        self, size: np.ndarray, coverage: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Bound the scores of rows of new tasks.

        Between two sizes the larger of their bounds holds; beyond the sizes that enough
        tasks tell of, that of the largest of them.

        Parameters
        ----------
        size : ndarray of shape (n_tasks,)
            Support rows of the new tasks; parts of a row are means over classes.
        coverage : float
            Share of rows whose score is within the bound.

        Returns
        -------
        bounds : float ndarray of shape (n_tasks,)
            Infinite where too few tasks tell.
        is_promised : bool ndarray of shape (n_tasks,)
            False where the bound is that of fewer support rows.
        """
        bounds = np.full(len(size), np.inf)
        is_promised = np.ones(len(size), dtype=bool)
        if self.sizes is None or not len(self.sizes):
            return bounds, is_promised
        known = np.array([self._bound(place, coverage) for place in range(len(self))])
        # Answers without any row are another question.
        able = self.n_tasks >= least_tasks(coverage)
        for asked, alike in ((size == 0, self.sizes == 0), (size > 0, self.sizes > 0)):
            own = alike & able
            if not (asked.any() and own.any()):
                continue
            sizes, at = self.sizes[own], known[own]
            after = np.searchsorted(sizes, size[asked])  # the first that is as large
            before = np.searchsorted(sizes, size[asked], side="right") - 1
            last = len(sizes) - 1
            bounds[asked] = np.maximum(
                at[np.clip(before, 0, last)], at[np.clip(after, 0, last)]
            )
            is_promised[asked] = after <= last
        return bounds, is_promised

    def _bound(self, place: int, coverage: float) -> float:
        n_tasks = self.n_tasks[place]
        level = coverage * (n_tasks + 1) / n_tasks
        if level > 1 + _ROUNDING:
            return math.inf
        above = np.searchsorted(self.levels[place], min(level, 1.0) - _ROUNDING)
        return float(self.scores[place][min(above, len(self.scores[place]) - 1)])

    def largest(self, coverage: float) -> int:
        """Return the most support rows that enough tasks tell of, 0 if there are none.

        Parameters
        ----------
        coverage : float
            What they are enough for.
        """
        if self.sizes is None:
            return 0
        able = self.sizes[self.n_tasks >= least_tasks(coverage)]
        return int(able.max(initial=0))

    def __len__(self) -> int:
        return 0 if self.sizes is None else len(self.sizes)

    # In files and copies -------------------------------------------------------------

    def parts(self) -> dict[str, Any]:
        """Return what :meth:`of_parts` makes the same of, training rows apart."""
        return {
            "sizes": self.sizes,
            "n_tasks": self.n_tasks,
            "scores": self.scores,
            "levels": self.levels,
        }

    @classmethod
    def of_parts(cls, parts: Mapping[str, Any]) -> Calibration:
        """Make what :meth:`parts` returned.

        Raises
        ------
        LoadError
            If the parts do not fit together.
        """
        made = cls()
        made.sizes, made.n_tasks = parts["sizes"], parts["n_tasks"]
        made.scores, made.levels = list(parts["scores"]), list(parts["levels"])
        flat = [made.sizes, made.n_tasks, *made.scores, *made.levels]
        if not all(isinstance(own, np.ndarray) and own.ndim == 1 for own in flat):
            raise LoadError("Its calibration is none.")
        lengths = {len(made.n_tasks), len(made.scores), len(made.levels)}
        counts = np.concatenate([made.sizes, made.n_tasks])
        if (
            lengths != {len(made)}
            or counts.dtype.kind not in "iu"
            or (counts < 0).any()
            or (np.diff(made.sizes) <= 0).any()
        ):
            raise LoadError("Its calibration is of other sizes than it has.")
        for scores, levels in zip(made.scores, made.levels, strict=True):
            if (
                not len(scores)
                or len(scores) != len(levels)
                or scores.dtype.kind != "f"
                or levels.dtype.kind != "f"
                or not (np.isfinite(levels).all() and (np.diff(levels) >= 0).all())
                or np.isnan(scores).any()
                or (scores[1:] < scores[:-1]).any()
            ):
                raise LoadError("Its calibration is no distribution.")
        return made

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"training": None}  # a pickle must not hold a table

    def __deepcopy__(self, memo: dict[int, Any]) -> Calibration:
        return copy.copy(self)

    def __copy__(self) -> Calibration:
        made = type(self)(self.training)
        vars(made).update(vars(self))  # arrays, which nobody changes
        return made


def check_coverage(coverage: Any) -> float:
    """Return a share of rows that an answer is to cover.

    Raises
    ------
    ValueError
        If it is none.
    """
    is_number = isinstance(coverage, Real) and not isinstance(coverage, bool)
    if not is_number or not 0 < coverage < 1:
        raise ValueError(
            "coverage is the share of rows to cover, a number above 0 and below 1 such "
            f"as 0.9, not {coverage!r}."
        )
    return float(coverage)


def least_tasks(coverage: float) -> int:
    """Count the tasks that a finite bound needs.

    Examples
    --------
    >>> from skmeta.estimators.calibration import least_tasks
    >>> least_tasks(0.9), least_tasks(0.5), least_tasks(0.95)
    (9, 1, 19)
    """
    return max(1, math.ceil(coverage / (1 - coverage) - _ROUNDING))
