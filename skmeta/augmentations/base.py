"""The contract of a task augmentation."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from skmeta.episodes.episode import Batch, Episode
from skmeta.episodes.spec import Spec
from skmeta.utils.doc_links import DocLinkMixin

__all__ = ["Augmentation", "augment_all", "choose_tasks", "draw_per_class"]


class Augmentation(DocLinkMixin):
    """Base class of task augmentations: an episode in, another one out.

    While an estimator is trained, every meta-batch goes through its augmentations. The
    support and the query of a task are changed alike, so that the task stays one, and
    those that validate the training are left as they are.

    Episodes of shared labels and of values may come with a prior, ``Batch.offset``. It
    belongs to the targets: what mixes or renames them treats it alike. What changes
    features alone leaves it as it is, what the prior said of the row as it came.

    A subclass writes :meth:`augment`. It draws random numbers from ``rng`` only, keeps
    the shapes and the padding, and returns new tensors.

    Attributes
    ----------
    kinds : tuple of str
        Kinds of target it suits, "classifier" and "regressor".
    label_spaces : tuple of str
        Label spaces it suits, "shared" and "per_task".
    several_targets : bool
        Whether it suits targets of several columns, where ``y``, ``label`` and
        ``offset`` have an axis of them last.

    Examples
    --------
    Turn the sign of some features, in a whole task at a time:

    >>> import torch
    >>> from skmeta.augmentations import Augmentation
    >>> class SignFlip(Augmentation):
    ...     def augment(self, episode, spec, rng):
    ...         shape = (len(episode.support.X), 1, spec.n_features)
    ...         sign = torch.randint(2, shape, generator=rng) * 2.0 - 1.0
    ...         return episode._replace(
    ...             support=episode.support._replace(X=sign * episode.support.X),
    ...             query=episode.query._replace(X=sign * episode.query.X),
    ...         )
    """

    kinds: ClassVar[tuple[str, ...]] = ("classifier", "regressor")
    label_spaces: ClassVar[tuple[str, ...]] = ("shared", "per_task")
    several_targets: ClassVar[bool] = False

    @abstractmethod
    def augment(self, episode: Episode, spec: Spec, rng: torch.Generator) -> Episode:
        """Change a meta-batch.

        Parameters
        ----------
        episode : Episode
            Features as the learner sees them, on the CPU. Left as it is.
        spec : Spec
            Sizes and kinds.
        rng : torch.Generator
            Source of randomness.

        Returns
        -------
        Episode
            Of the same shapes and masks. A row that has become one of another class
            has another ``label``, or -1 where it is of no training class.
        """
        raise NotImplementedError(f"{type(self).__name__} has no augment().")

    def n_train_classes(self, n_train_classes: int) -> int:
        """Tell how many training classes there are afterwards.

        Parameters
        ----------
        n_train_classes : int
            Training classes before.

        Returns
        -------
        int
            By default as many as before.
        """
        return n_train_classes


def augment_all(
    augmentations: Sequence[Augmentation],
    episode: Episode,
    spec: Spec,
    rng: torch.Generator,
) -> Episode:
    """Change a meta-batch by one augmentation after the other.

    Parameters
    ----------
    augmentations : sequence of Augmentation
        In the order in which they act.
    episode : Episode
        Meta-batch.
    spec : Spec
        Sizes and kinds.
    rng : torch.Generator
        Source of randomness.

    Returns
    -------
    Episode
        The last one's.

    Raises
    ------
    ValueError
        If one returns what is no episode of the same shapes, some of which would be
        broadcast.
    """
    for augmentation in augmentations:
        changed = augmentation.augment(episode, spec, rng)
        _refuse_other_shapes(augmentation, episode, changed)
        episode = changed
    return episode


def _refuse_other_shapes(
    augmentation: Augmentation, given: Episode, changed: Episode
) -> None:
    if not isinstance(changed, Episode):
        raise ValueError(
            f"{augmentation} must return an Episode, and returned "
            f"{type(changed).__name__}."
        )
    for part, before, after in zip(("support", "query"), given, changed, strict=True):
        for name in ("X", "y", "mask", "label", "weight", "offset"):
            shapes = [_shape(getattr(each, name)) for each in (before, after)]
            if shapes[0] not in (None, shapes[1]):
                raise ValueError(
                    f"{augmentation} must keep the shapes of an episode, and made "
                    f"{part}.{name} of {shapes[1]} out of {shapes[0]}. python -m "
                    "skmeta plugins --check goes through what is expected."
                )


def _shape(part: Tensor | None) -> tuple[int, ...] | None:
    return None if part is None else tuple(part.shape)


def choose_tasks(n_tasks: int, share: float, rng: torch.Generator) -> Tensor:
    """Choose each task with a chance, as a bool Tensor of shape (tasks, 1)."""
    return torch.rand(n_tasks, 1, generator=rng) < share


def draw_per_class(episode: Episode, draw: Tensor) -> tuple[Tensor, Tensor]:
    """Give every row what was drawn for its class.

    Parameters
    ----------
    episode : Episode
        Meta-batch.
    draw : Tensor of shape (tasks, classes, ...)
        Something for every class of every task.

    Returns
    -------
    support, query : Tensor of shape (tasks, rows, ...)
        The same for every row.
    """

    def of_rows(batch: Batch) -> Tensor:
        task = torch.arange(len(batch.y)).unsqueeze(1)
        return draw[task, batch.y]

    return of_rows(episode.support), of_rows(episode.query)
