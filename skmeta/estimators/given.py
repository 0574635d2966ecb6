"""A call of ``fit``: what it was given, and what it goes on from."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from skmeta.engine.checkpoints import Checkpoint
from skmeta.engine.hooks import Hooks
from skmeta.engine.warm_start import EarlierFit
from skmeta.episodes.sampler import EpisodeSampler
from skmeta.episodes.table import Table
from skmeta.estimators.calibration import TrainingRows
from skmeta.tables.meta_dataset.dataset import unpack_to_train
from skmeta.tables.stored.rows import is_stored

__all__ = ["Drawing", "FitCall", "Given"]


class Given(NamedTuple):
    """Arguments of ``fit``, a meta-dataset taken apart.

    Attributes
    ----------
    X, y, groups, sample_weight, in_support, classes
        As ``fit`` takes them.
    columns : list of str or None
        Names of the columns of a file of features, which has none itself.
    """

    X: Any
    y: Any
    groups: Any
    sample_weight: Any = None
    in_support: Any = None
    classes: Any = None
    columns: list[str] | None = None

    @classmethod
    def to_fit(
        cls,
        X: Any,
        y: Any,
        groups: Any,
        sample_weight: Any,
        in_support: Any,
        classes: Any,
    ) -> "Given":
        """Take apart what may be a meta-dataset."""
        X, y, groups, in_support, columns = unpack_to_train(X, y, groups, in_support)
        return cls(X, y, groups, sample_weight, in_support, classes, columns)

    def of_one_table(self) -> "Given":
        """Return what counts where tasks are made of one table."""
        return self._replace(in_support=None)

    def in_memory(self) -> TrainingRows | None:
        """Return the rows that have a target; None if they stay on disk."""
        if is_stored(self.X):
            return None
        return TrainingRows(
            self.X, self.y, self.groups, self.sample_weight, self.in_support
        ).labelled()


@dataclass
class FitCall:
    """A call of ``fit``, or of ``partial_fit``.

    Parameters
    ----------
    rng : numpy.random.Generator
        Its source of randomness.
    earlier : EarlierFit or None
        What it goes on from.
    is_partial : bool, default=False
        Whether it is ``partial_fit``.
    checkpoint : Checkpoint or None, default=None
        Where it is kept while it goes on.
    hooks : Hooks or None, default=None
        Callbacks of scikit-learn.
    """

    rng: np.random.Generator
    earlier: EarlierFit | None
    is_partial: bool = False
    checkpoint: Checkpoint | None = None
    hooks: Hooks | None = None

    @property
    def is_settled(self) -> bool:
        """Whether an earlier call has said what columns and labels mean."""
        return self.is_partial and self.earlier is not None


class Drawing(NamedTuple):
    """What a meta-training draws its episodes from."""

    table: Table
    offset: Any  # what the prior says of each row, (n, parts, outputs), or None
    how: dict[str, Any]  # episodes are drawn, as samplers are told of it
    train: EpisodeSampler
    valid: EpisodeSampler | None
