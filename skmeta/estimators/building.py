"""From parameters to what is meta-trained: algorithm, backbone, prior and net."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from sklearn.base import clone

from skmeta import plugins
from skmeta.algorithms.base import Algorithm
from skmeta.augmentations import Augmentation, FeatureNoise, image_augmentations
from skmeta.backbones.torch_module import as_backbone
from skmeta.engine.net import EpisodicNet
from skmeta.engine.training import make_net
from skmeta.engine.warm_start import EarlierFit
from skmeta.estimators.incremental import IncrementalEstimator
from skmeta.tables.prior import make_part
from skmeta.tables.priors import cross_fit_targets
from skmeta.tables.rows import TaskRows
from skmeta.utils.messages import warn

__all__ = ["BuildingEstimator"]

# What keeps a training from memorising the classes of a pool, chosen on classes held
# out of those that benchmarks/pools.py trains on.
_POOL_NOISE = FeatureNoise(scale=0.1, within=0.5)
_POOL_DECAY = 1e-3
_POOL_EPOCHS = 40  # where no class is held out to stop it

# Of images of many classes: turned and distorted ones are many more, and what filters
# learn of them in a cycle of the learning rate does no worse on alphabets held out than
# ten times as much. Of the ten digits, where a turned 6 is a 9, it learnt far less.
_MANY_CLASSES = 50
_IMAGE_EPOCHS = 12
_IMAGE_RATE = 2e-3

# Share of its log-odds below which a prior is warned of.
_FAR_TOO_SURE = 0.5


class BuildingEstimator(IncrementalEstimator):
    """A meta-learner that makes objects of its parameters, and decides on "auto"."""

    def _build_learner(self, earlier: EarlierFit | None, *, fixed_split: bool) -> None:
        """Resolve algorithm, backbone and augmentations.

        All must suit the targets, and what was learnt earlier if there is something.
        ``fixed_split`` says whether it matters which rows are support.
        """
        if earlier is not None:
            earlier.check_meaning(self._meaning())
        self._build_components()
        self.spec_ = replace(
            self.spec_,
            n_parts=len(self._prior_parts()),
            fixed_split=fixed_split,
            of_images=self._learns_images(),
        )
        if earlier is not None:
            earlier.check_parts(self.spec_.n_parts)
        self._resolve_augmentations()
        if earlier is not None:
            earlier.check_components(self.algorithm_, self.backbone_)
            self.spec_ = earlier.resize(self.spec_)

    def _build_components(self) -> None:
        self.algorithm_ = clone(plugins.resolve("algorithm", self.algorithm))
        self.backbone_ = clone(as_backbone(self.backbone))
        self._check_suits(self.algorithm_, "algorithm")

    def _check_suits(self, component: Algorithm | Augmentation, kind: str) -> None:
        for what, wanted, offered in [
            ("targets", self.spec_.kind, component.kinds),
            ("label spaces", self.spec_.label_space, component.label_spaces),
        ]:
            if wanted not in offered:
                raise ValueError(
                    f"{component} does not learn {wanted!r} {what}, only "
                    f"{' and '.join(map(repr, offered))}. Choose another {kind}: "
                    "python -m skmeta plugins lists them."
                )
        n_targets = self.spec_.n_targets
        if n_targets > 1 and not getattr(component, "several_targets", False):
            raise ValueError(
                f"{component} is made for one target, and y has {n_targets}. Choose "
                f"another {kind}, or fit a meta-learner to each target."
            )

    def _resolve_augmentations(self) -> None:
        """Resolve the task augmentations, and say in ``spec_`` what they widen."""
        given = self.augment
        if given == "auto":
            given = self._default_augmentations()
        elif given is None:
            given = []
        elif not isinstance(given, (list, tuple)):
            given = [given]
        resolved = [plugins.resolve("augmentation", each) for each in given]
        n_train_classes = self.spec_.n_train_classes
        for augmentation in resolved:
            self._check_suits(augmentation, "augmentation")
            n_train_classes = augmentation.n_train_classes(n_train_classes)
        self.spec_ = replace(self.spec_, n_train_classes=n_train_classes)
        self.augment_ = resolved

    def _default_augmentations(self) -> list[Augmentation]:
        """Return what makes more classes of a large pool of images, or else noise.

        Noise, if features have a unit to make it in.
        """
        if self.spec_.of_images:
            return image_augmentations(self.backbone_.image_shape)
        if self._compares_classes() and self._standardised_by is not None:
            return [clone(_POOL_NOISE)]
        return []

    def _compares_classes(self) -> bool:
        """Tell whether an algorithm learns to compare, from a large pool of classes.

        Those that take steps instead learn less from noisy rows.
        """
        return self.spec_.is_large_pool and hasattr(self.algorithm_, "class_loss")

    def _learns_images(self) -> bool:
        """Tell whether filters of images are learnt, by comparing many classes.

        What has a cycle and a rate of its own keeps the defaults of other pools.
        """
        return (
            self._compares_classes()
            and self.spec_.n_train_classes >= _MANY_CLASSES
            and not self.algorithm_.trains_in_one_cycle
            and bool(getattr(self.backbone_, "of_images", False))
        )

    # The prior -----------------------------------------------------------------------

    def _prior_parts(self) -> tuple[Any, ...]:
        """Return the parts of the prior, names or estimators; none without a prior."""
        if self.prior is None:
            return ()
        shared = self.spec_.label_space == "shared"
        if self.prior == "auto":
            if not shared:
                return ()
            return self.algorithm_.default_prior(self.spec_)
        if not shared:
            raise ValueError(
                f"prior={self.prior!r} says what labels mean in every task, and these "
                "are names inside a task. Set prior='auto' or None."
            )
        if not self.algorithm_.uses_prior:
            raise ValueError(
                f"{self.algorithm_} takes no prior. Set prior='auto' or None, or "
                "choose an algorithm with uses_prior, such as 'gp' or 'maml'."
            )
        is_list = isinstance(self.prior, (list, tuple))
        return tuple(self.prior) if is_list else (self.prior,)

    def _learn_prior(
        self, rows: TaskRows, weight: np.ndarray | None, rng: np.random.Generator
    ) -> np.ndarray | None:
        """Fit the prior, and return what it says of rows of tasks it has not seen."""
        self.prior_ = None
        given = self._prior_parts()
        if not given:
            return None
        seed = int(rng.integers(2**31))
        n_rows = len(rows.sample()[0])
        self.prior_, offset = cross_fit_targets(
            [make_part(each, self._kind, seed, n_rows) for each in given],
            rows,
            self._prior_units(),
            weight=weight,
            columns=getattr(self, "feature_names_in_", None),
            check_trust=[not isinstance(each, str) for each in given],
        )
        self._warn_of_sure_prior(given)
        return offset

    def _warn_of_sure_prior(self, given: tuple[Any, ...]) -> None:
        """Warn of parts that are far surer of classes than they are right."""
        priors = getattr(self.prior_, "targets", [self.prior_])
        trusts = [prior.trust for prior in priors if prior.trust is not None]
        if not trusts:
            return
        for part, least in zip(given, np.min(trusts, axis=0), strict=True):
            if least < _FAR_TOO_SURE:
                warn(
                    f"The prior {part!r} is far surer of the classes of tasks that it "
                    "has not seen than it is right: its log-odds count "
                    f"{least:.2g} times. Choose one that is less sure, such as "
                    "'boosting', or wrap it in CalibratedClassifierCV."
                )

    # The training --------------------------------------------------------------------

    def _choose_episode(self) -> None:
        """Learn of what an episode is made, and how many rows its two parts have."""
        self.tasks_ = self.tasks
        if self._kind == "classifier":
            self.n_way_ = self.n_way
        n_shot, n_query = self.algorithm_.default_episode(self.spec_)
        self.n_shot_ = n_shot if self.n_shot == "auto" else self.n_shot
        self.n_query_ = n_query if self.n_query == "auto" else self.n_query

    def _holds_out(self) -> bool | str:
        """Return whether tasks are held out to stop by; "auto" if there are enough.

        A cycle ends by itself, at a low rate. A few tasks that were held out would but
        choose an epoch in the middle of it, by chance.
        """
        if self.early_stopping == "auto" and self._in_one_cycle():
            return False
        return self.early_stopping

    def _in_one_cycle(self) -> bool:
        """Tell whether the learning rate rises and falls once."""
        if self.lr_schedule != "auto":
            return self.lr_schedule == "one_cycle"
        if self.lr == "auto" and self.spec_.of_images:
            return True
        return bool(self.algorithm_.trains_in_one_cycle)

    def _rate(self) -> float:
        if self.lr != "auto":
            return self.lr
        if self.spec_.of_images:
            return _IMAGE_RATE
        return float(self.algorithm_.default_lr)

    def _part_to_hold_out(self, rows: TaskRows) -> float:
        if self.validation_fraction != "auto":
            return self.validation_fraction
        n_units = self._count_units(rows)
        return self.algorithm_.default_validation_fraction(self.spec_, n_units)

    def _count_units(self, rows: TaskRows) -> int:
        """Count what episodes are drawn from: tasks, classes or rows."""
        if self.tasks == "groups":
            return int(np.count_nonzero(rows.task_sizes))
        return len(rows.labels()) if self.tasks == "classes" else len(rows)

    def _make_net(self, *, validates: bool, is_users: bool = True) -> EpisodicNet:
        """Make a net: a user's, or one of our own that nobody watches."""
        return make_net(
            self.algorithm_,
            self.backbone_,
            self.spec_,
            patience=self.patience if validates else None,
            by_score=self.spec_.from_pool,
            verbose=self.verbose if is_users else 0,
            callbacks=self.callbacks if is_users else None,
            max_epochs=self._n_epochs(validates=validates),
            batch_size=self.batch_size,
            lr=self._rate(),
            one_cycle=self._in_one_cycle(),
            optimizer=self._outer_optimizer(),
            device=self.device,
            compile=self.compile,
            precision=self.precision,
        )

    def _n_epochs(self, *, validates: bool) -> int:
        if self.max_epochs != "auto":
            return self.max_epochs
        n_epochs = self.algorithm_.default_epochs
        if self.spec_.of_images and not validates:
            n_epochs = min(n_epochs, _IMAGE_EPOCHS)
        elif self._compares_classes() and not validates:
            n_epochs = min(n_epochs, _POOL_EPOCHS)
        return n_epochs

    def _outer_optimizer(self) -> Callable[..., torch.optim.Optimizer]:
        if self.optimizer != "auto":
            return self.optimizer
        if self._compares_classes() and not self.spec_.of_images:
            return partial(torch.optim.Adam, weight_decay=_POOL_DECAY)
        return torch.optim.Adam
