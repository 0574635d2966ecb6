"""What an earlier fit left behind, for the next one to go on from."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Any

from skmeta.algorithms.base import Algorithm
from skmeta.backbones.base import Backbone
from skmeta.engine.net import EpisodicNet
from skmeta.episodes.spec import Spec

__all__ = ["EarlierFit", "take_over"]

_OF_OTHERS = (
    "warm_start=True goes on from weights that were learnt for other columns or "
    "labels. Set warm_start=False."
)


@dataclass(frozen=True)
class EarlierFit:
    """A net that is trained already, and what its weights were learnt for.

    Parameters
    ----------
    net : EpisodicNet
        With the weights, the optimizer's memory and the history to go on from.
    meaning : object
        What the columns and the outputs stood for.
    algorithm, backbone : Algorithm, Backbone
        What the net was built of.
    n_train_classes : int
        How many training classes it was built for.
    n_parts : int, default=0
        Parts of the prior it was built for.
    n_features : int, default=None
        Columns it was built for.
    n_targets : int, default=1
        Targets it was built for.
    long_tails : tuple of int, default=()
        Which of them had long tails.
    """

    net: EpisodicNet
    meaning: object
    algorithm: Algorithm
    backbone: Backbone
    n_train_classes: int
    n_parts: int = 0
    n_features: int | None = None
    n_targets: int = 1
    long_tails: tuple[int, ...] = ()

    def check_columns(self, n_features: int, n_targets: int = 1) -> None:
        """Refuse more or fewer columns, of features or of targets."""
        if (n_features, n_targets) != (self.n_features, self.n_targets):
            raise ValueError(_OF_OTHERS)

    def check_meaning(self, meaning: Any) -> None:
        """Refuse columns or outputs that stand for something else."""
        if meaning != self.meaning:
            raise ValueError(_OF_OTHERS)

    def check_components(self, algorithm: Algorithm, backbone: Backbone) -> None:
        """Refuse an algorithm or a backbone whose weights are others."""
        if repr((algorithm, backbone)) != repr((self.algorithm, self.backbone)):
            raise ValueError(
                f"warm_start=True goes on from weights that {self.algorithm} learnt "
                f"for {self.backbone}, not from those of {algorithm} and {backbone}. "
                "Set warm_start=False."
            )

    def check_parts(self, n_parts: int) -> None:
        """Refuse a prior of more or fewer parts."""
        if n_parts != self.n_parts:
            raise ValueError(
                f"warm_start=True goes on from weights that were learnt with "
                f"{self.n_parts} parts of a prior, not with {n_parts}. Set "
                "warm_start=False."
            )

    def resize(self, spec: Spec) -> Spec:
        """Return the spec with as many training classes as the weights were made for.

        The new rows may show fewer of them, and other tails.
        """
        return replace(
            spec, n_train_classes=self.n_train_classes, long_tails=self.long_tails
        )


def take_over(net: EpisodicNet, before: EpisodicNet) -> None:
    """Begin with the weights, the optimizer's memory and the history of another net."""
    net.module_.load_state_dict(before.module_.state_dict())
    net.history.extend(copy.deepcopy(before.history.to_list()))
    net.n_epochs_before = len(before.history)
    if type(net.optimizer_) is type(before.optimizer_):
        # Its settings, such as lr, are the present ones.
        memory = copy.deepcopy(before.optimizer_.state_dict()["state"])
        settings = net.optimizer_.state_dict()
        net.optimizer_.load_state_dict({**settings, "state": memory})
