"""The laws of several targets: an algorithm learns each, on one network."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from skmeta.algorithms.per_target import PerTarget
from skmeta.testing.algorithms.trial import AlgorithmTrial
from skmeta.testing.building import build_perturbed
from skmeta.testing.expect import expect_same
from skmeta.testing.law import BreachError, lawmaker

__all__ = ["a_learner_for_each_target", "gradients_of_targets_add_up"]

law = lawmaker("algorithm", AlgorithmTrial.trials)


def _takes_several(trial: AlgorithmTrial) -> bool:
    return trial.spec.label_space == "shared" and trial.algorithm.several_targets


@law(
    "use the network of backbone.build as it is, no copy, and add what else is learnt "
    "to the module, not to the network; or declare several_targets = False.",
    applies=_takes_several,
)
def a_learner_for_each_target(trial: AlgorithmTrial) -> None:
    """Two targets share the network, and no other weights."""
    counts: list[int] = []
    alone = _size(_build(trial, trial.algorithm.build, counts))
    n_shared = sum(counts)
    own = alone - n_shared
    both = PerTarget(trial.algorithm, 2)
    module = _build(trial, both.build, [])
    if _size(module) != n_shared + 2 * own:
        raise BreachError(
            f"with two targets there are {_size(module)} weights, where a network of "
            f"{n_shared} and two learners of {own} make {n_shared + 2 * own}"
        )


@law(
    "add to .grad what is there already, as loss.backward() does: weight.grad = g if "
    "weight.grad is None else weight.grad + g.",
    applies=_takes_several,
)
def gradients_of_targets_add_up(trial: AlgorithmTrial) -> None:
    """``meta_backward`` adds to gradients that are there, for targets share weights."""
    episode = trial.trained_on(trial.episode())
    _, once = trial.meta_step(episode)
    module = trial.build()
    for weight in module.parameters():
        if weight.requires_grad:
            weight.grad = torch.ones_like(weight)
    with trial.seeded(module), torch.enable_grad():
        trial.algorithm.meta_backward(module, episode)
    for name, weight in module.named_parameters():
        alone = once.get(name)
        if alone is not None:
            found: Tensor | None = weight.grad
            expect_same(f"the gradient of {name}, beside ones", found, alone + 1)


def _size(module: nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())


def _build(
    trial: AlgorithmTrial, build: Callable[..., nn.Module], counts: list[int]
) -> Any:
    """Build by a backbone that notes how many weights its networks have at first."""

    def counted(spec: Any) -> nn.Module:
        return build(_Counting(trial.backbone, counts), spec)

    return build_perturbed(counted, trial.spec, trial.seed)


class _Counting:
    def __init__(self, backbone: Any, counts: list[int]):
        self._backbone, self._counts = backbone, counts

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backbone, name)

    def build(self, n_features: int) -> nn.Module:
        network = self._backbone.build(n_features)
        self._counts.append(_size(network))
        return network
