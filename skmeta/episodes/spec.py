"""What a learner is built for: sizes and kinds."""

from dataclasses import dataclass, field, replace
from typing import Literal, Self

__all__ = ["Spec"]

_LARGE_POOL = 10  # classes


@dataclass(frozen=True)
class Spec:
    """What a learner is built for.

    Parameters
    ----------
    n_features : int
        Features of a row.
    n_outputs : int
        Labels of a shared label space, 1 in regression. In per-task label spaces, the
        number of classes may differ from task to task and this is 0.
    kind : {"classifier", "regressor"}
        Kind of target.
    label_space : {"shared", "per_task"}, default="shared"
        Whether a class code means the same in every task.
    n_train_classes : int, default=0
        Different classes in ``Batch.label`` of the episodes of training; 0 if unknown
        and in regression. Two specs that differ in nothing else are equal: what is
        learnt of these classes is not needed for new ones.
    from_pool : bool, default=False
        Whether tasks are drawn from a pool of classes, so that each training class
        comes again beside ever others. Equal specs may differ in it, too.
    n_parts : int, default=0
        Parts of the prior, ``Batch.offset``; 0 without one.
    fixed_split : bool, default=False
        Whether the support of an episode comes before its query, in time or because
        rows were given as support, so that an algorithm must not draw other supports
        from the rows of both. Equal specs may differ in it, too.
    n_targets : int, default=1
        Columns of targets, each a problem of its own with ``n_outputs`` outputs. An
        algorithm is built for one of them at a time.
    of_images : bool, default=False
        Whether filters of images are learnt from a large pool, by turned and distorted
        classes: so many that to tell them all apart teaches less than episodes do.
    long_tails : tuple of int, default=()
        Which of the targets have a long tail, as values that grow by factors: a few
        rows are most of their variance. Equal specs may differ in it, too.
    """

    n_features: int
    n_outputs: int
    kind: Literal["classifier", "regressor"]
    label_space: Literal["shared", "per_task"] = "shared"
    n_train_classes: int = field(default=0, compare=False)
    from_pool: bool = field(default=False, compare=False)
    n_parts: int = field(default=0, compare=False)
    fixed_split: bool = field(default=False, compare=False)
    n_targets: int = 1
    of_images: bool = field(default=False, compare=False)
    long_tails: tuple[int, ...] = field(default=(), compare=False)

    def of_one_target(self, target: int = 0) -> Self:
        """Return what the learner of one of the targets is built for."""
        tail = (0,) if target in self.long_tails else ()
        return replace(self, n_targets=1, long_tails=tail)

    @property
    def is_large_pool(self) -> bool:
        """Whether tasks are drawn from a pool of ten training classes or more.

        Of fewer, most are in every episode: what is learnt to tell these apart, beside
        what episodes ask for, makes new ones harder to tell.
        """
        return self.from_pool and self.n_train_classes >= _LARGE_POOL
