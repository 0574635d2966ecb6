"""The laws that every task augmentation keeps, and the check against them."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Literal, Self

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from skmeta.augmentations import Augmentation
from skmeta.episodes.episode import Batch, Episode
from skmeta.episodes.spec import Spec
from skmeta.testing.building import width_that_builds
from skmeta.testing.expect import copies, expect_same
from skmeta.testing.law import BreachError, Law, Trial, lawmaker
from skmeta.testing.run import LawResult, run_laws
from skmeta.testing.situations import Situation, situations
from skmeta.utils.messages import count
from skmeta.utils.random import seeded

__all__ = ["AUGMENTATION_LAWS", "AugmentationTrial", "check_augmentation"]

_N_CLASSES = 3
_N_DRAWS = 5  # an augmentation may leave some tasks as they are
_N_PARTS = 2  # of a prior


class AugmentationTrial(Trial):
    """An augmentation on trial: meta-batches as in training, with padding.

    Parameters
    ----------
    subject : Augmentation
        What is tried.
    situation : Situation
        Kind of target and label space.
    n_features : int
        Features of a row.
    seed : int, default=0
        Decides rows and draws.
    n_tasks : int, default=4
        Tasks of a meta-batch.
    """

    def __init__(
        self,
        subject: Augmentation,
        situation: Situation,
        n_features: int,
        seed: int = 0,
        n_tasks: int = 4,
    ):
        self.subject = subject
        self.situation = situation
        self.seed = seed
        self.n_tasks = n_tasks
        self.n_features = n_features

    @classmethod
    def trials(
        cls, subject: Augmentation, n_features: int | None = None, seed: int = 0
    ) -> Iterator[Self]:
        """Make a trial for every situation that an augmentation declares."""
        for situation in situations(subject):
            make = partial(cls, subject, situation, seed=seed)

            def augments(n: int, make: Callable[[int], Self] = make) -> object:
                return make(n).augment()

            yield make(n_features or width_that_builds(augments))

    @property
    def case(self) -> str:
        """Kind of target and label space."""
        return str(self.situation)

    @property
    def size(self) -> str:
        """How large a meta-batch is."""
        return f"{count(self.n_tasks, 'task')} with {self.n_features} features"

    def smaller(self) -> Iterator[Self]:
        """Make the same trial with fewer tasks, the fewest first."""
        for n_tasks in range(1, self.n_tasks):
            yield type(self)(
                self.subject,
                self.situation,
                self.n_features,
                self.seed,
                n_tasks,
            )

    def spec(self) -> Spec:
        """Return what a learner would be built for."""
        return self.situation.spec(self.n_features, _N_CLASSES)

    def episode(self, draw: int = 0) -> Episode:
        """Draw a meta-batch; its last task has two rows of padding."""
        rng = torch.Generator().manual_seed(self.seed + draw)
        return Episode(self._batch(6, rng), self._batch(9, rng))

    def augment(
        self, draw: int = 0, subject: Augmentation | None = None, seed: int = 0
    ) -> Episode:
        """Augment as in training."""
        rng = torch.Generator().manual_seed(self.seed + draw)
        with seeded(seed):
            changed = (subject or self.subject).augment(
                self.episode(draw), self.spec(), rng
            )
        if not isinstance(changed, Episode):
            raise BreachError(f"augment returns a {type(changed).__name__}, no Episode")
        return changed

    def pairs(self) -> Iterator[tuple[str, Batch, Batch]]:
        """Go through supports and queries, each before and after, of several draws."""
        for draw in range(_N_DRAWS):
            before, after = self.episode(draw), self.augment(draw)
            for part in Episode._fields:
                yield part, getattr(before, part), getattr(after, part)

    def _batch(self, n_rows: int, rng: torch.Generator) -> Batch:
        shape = (self.n_tasks, n_rows)
        mask = torch.ones(shape, dtype=torch.bool)
        mask[-1, -2:] = False
        X = torch.rand((*shape, self.n_features), generator=rng) * mask.unsqueeze(-1)
        if self.situation.kind == "regressor":
            y = torch.randn(shape, generator=rng) * mask
            n_classes = torch.zeros(self.n_tasks, dtype=torch.long)
            return self._told(Batch(X, y, mask, n_classes), rng)
        y = (torch.arange(n_rows) % _N_CLASSES).expand(shape) * mask
        # Which training classes a task has, where labels are names inside a task.
        own = torch.stack(
            [
                torch.randperm(self.spec().n_train_classes, generator=rng)
                for _ in range(self.n_tasks)
            ]
        )
        label = own.gather(1, y) if self.situation.label_space == "per_task" else y
        n_classes = torch.full((self.n_tasks,), _N_CLASSES)
        label = torch.where(mask, label, -1)
        return self._told(Batch(X, y, mask, n_classes, label), rng)

    def _told(self, batch: Batch, rng: torch.Generator) -> Batch:
        """Add a prior, where outputs mean the same in every task."""
        n_outputs = self.spec().n_outputs
        if not n_outputs:
            return batch
        offset = torch.randn(*batch.mask.shape, _N_PARTS, n_outputs, generator=rng)
        return batch._replace(offset=offset * batch.mask[..., None, None])


law = lawmaker("augmentation", AugmentationTrial.trials)


@law("use batch._replace(X=...) and tensors of the same shape and dtype.")
def shapes_and_masks_stay(trial: AugmentationTrial) -> None:
    """Shapes, dtypes, masks and numbers of classes stay as they are."""
    for part, before, after in trial.pairs():
        for name, old in before._asdict().items():
            new = getattr(after, name)
            if (old is None) != (new is None):
                raise BreachError(f"{part}.{name} came or went")
            if old is not None and (old.shape, old.dtype) != (new.shape, new.dtype):
                raise BreachError(
                    f"{part}.{name} of {tuple(old.shape)}, {old.dtype} becomes "
                    f"{tuple(new.shape)}, {new.dtype}"
                )
        for name in ("mask", "n_classes"):
            if not torch.equal(getattr(before, name), getattr(after, name)):
                raise BreachError(f"{part}.{name} is another one afterwards")


@law("multiply by mask.unsqueeze(-1) what is added to rows.")
def padding_stays_zero(trial: AugmentationTrial) -> None:
    """On padding, features, targets and prior are zero, the training class is -1."""
    for part, _, after in trial.pairs():
        padding = ~after.mask
        for name in ("X", "y", "offset"):
            values = getattr(after, name)
            if values is not None and values[padding].any():
                raise BreachError(
                    f"{name} of a padded row of the {part} is no longer zero"
                )
        if after.label is not None and (after.label[padding] != -1).any():
            raise BreachError(f"a padded row of the {part} has a training class")


@law("return new tensors: no +=, no mul_, no assignment to an index.")
def given_episode_stays_as_it_is(trial: AugmentationTrial) -> None:
    """The episode that is given is left as it is."""
    for draw in range(_N_DRAWS):
        given = trial.episode(draw)
        rng = torch.Generator().manual_seed(draw)
        with seeded(0):
            trial.subject.augment(given, trial.spec(), rng)
        for part in Episode._fields:
            old, new = getattr(trial.episode(draw), part), getattr(given, part)
            for name, own in old._asdict().items():
                if own is not None and not torch.equal(own, getattr(new, name)):
                    raise BreachError(f"{part}.{name} of the given episode has changed")


@law("pass generator=rng to every draw, and draw nothing in __init__.")
def rng_decides_everything(trial: AugmentationTrial) -> None:
    """The same generator gives the same episode, whatever the global seed is."""
    for draw in range(_N_DRAWS):
        _expect_same_episode(
            "the same generator",
            trial.augment(draw, seed=2),
            trial.augment(draw, seed=1),
        )


@law(
    "rename the last axis of Batch.offset where you rename classes (scatter it), and "
    "mix it where you mix targets, with the same weights."
)
def the_prior_goes_with_the_targets(trial: AugmentationTrial) -> None:
    """A prior that tells each row's target still does so afterwards."""
    for draw in range(_N_DRAWS):
        before = Episode(*map(_told_the_target, trial.episode(draw)))
        if before.support.offset is None:
            return
        rng = torch.Generator().manual_seed(trial.seed + draw)
        with seeded(0):
            after = trial.subject.augment(before, trial.spec(), rng)
        for part in Episode._fields:
            changed = getattr(after, part)
            found, wanted = changed.offset, _told_the_target(changed).offset
            if found is None or wanted is None:
                raise BreachError(f"the prior of the {part} went")
            real = getattr(before, part).mask
            expect_same(
                f"the prior of the {part} that was its targets",
                found[real].double(),
                wanted[real].double(),
            )


def _told_the_target(batch: Batch) -> Batch:
    """Let every part of the prior, if there is one, say what the targets are."""
    if batch.offset is None:
        return batch
    told = batch.y.unsqueeze(-1)
    if not batch.y.is_floating_point():
        told = one_hot(batch.y, batch.offset.shape[-1])
    told = told * batch.mask.unsqueeze(-1)
    return batch._replace(offset=told.unsqueeze(2).expand_as(batch.offset).float())


@law(
    "clamp before a division or a root; class codes are 0 .. n_classes - 1 in each "
    "task, and labels 0 .. n_train_classes(n) - 1, or -1 for a row of no such class."
)
def rows_and_targets_are_valid(trial: AugmentationTrial) -> None:
    """Numbers are finite, and codes are of classes that there are."""
    before = trial.spec().n_train_classes
    n_train_classes = trial.subject.n_train_classes(before)
    for part, _, after in trial.pairs():
        for name in ("X", "y", "offset"):
            values = getattr(after, name)
            if values is not None and not values.isfinite().all():
                raise BreachError(f"{name} of the {part} is not finite everywhere")
        if trial.situation.kind == "regressor":
            continue
        if (after.y < 0).any() or (after.y >= after.n_classes.unsqueeze(1)).any():
            raise BreachError(
                f"a row of the {part} has class {int(after.y.max())} of "
                f"{int(after.n_classes.max())}"
            )
        assert after.label is not None  # drawn for a classifier
        lowest, highest = int(after.label.min()), int(after.label.max())
        if lowest < -1 or highest >= n_train_classes:
            raise BreachError(
                f"a row of the {part} has label {highest if highest > 0 else lowest}; "
                f"n_train_classes({before}) is {n_train_classes}"
            )


@law(
    "keep hyperparameters as they are given and nothing else on the object; classes "
    "stand at the top of a file."
)
def copies_augment_the_same(trial: AugmentationTrial) -> None:
    """A clone, a pickle, and the same one again, augments the same."""
    want, subject = trial.augment(), trial.subject
    for how, twin in [*copies(subject), ("a second call", subject)]:
        _expect_same_episode(how, trial.augment(subject=twin), want)


def _expect_same_episode(what: str, got: Episode, want: Episode) -> None:
    for part in Episode._fields:
        for name, wanted in getattr(want, part)._asdict().items():
            found: Tensor = getattr(getattr(got, part), name)
            if wanted is not None:
                expect_same(f"{what}, {part}.{name}", found.double(), wanted.double())


AUGMENTATION_LAWS: tuple[Law, ...] = (
    shapes_and_masks_stay,
    padding_stays_zero,
    the_prior_goes_with_the_targets,
    given_episode_stays_as_it_is,
    rng_decides_everything,
    rows_and_targets_are_valid,
    copies_augment_the_same,
)
"""The laws of task augmentations, in the order in which they are tried."""


def check_augmentation(
    augmentation: Augmentation | str,
    *,
    n_features: int | None = None,
    on_fail: Literal["raise"] | None = "raise",
    seed: int = 0,
) -> list[LawResult]:
    """Check that a task augmentation keeps every law, on generated data.

    Parameters
    ----------
    augmentation : Augmentation or str
        An instance, or a registered name.
    n_features : int, default=None
        Features of a row. None takes the first of a few widths, from 4 to those of
        images of 28 x 28 and more, that it augments.
    on_fail : {"raise", None}, default="raise"
        "raise" stops at the first law that is broken; None tries them all and leaves
        the outcome to the caller.
    seed : int, default=0
        Decides the generated episodes.

    Returns
    -------
    list of LawResult
        One for each law, kind of target and label space that it declares.

    Raises
    ------
    BrokenLawError
        An AssertionError that names the law, what is wrong, the smallest case and a
        hint.
    TypeError
        If ``augmentation`` is a class.

    Examples
    --------
    >>> from skmeta.testing import check_augmentation
    >>> results = check_augmentation("feature_noise")
    >>> print(results[0])
    passed  shapes_and_masks_stay (classifier, shared)
    """
    return run_laws(
        AUGMENTATION_LAWS, augmentation, on_fail, n_features=n_features, seed=seed
    )
