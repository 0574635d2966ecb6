"""Several targets: a learner of each, all on one backbone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from skmeta.algorithms.base import Algorithm
from skmeta.algorithms.shared.temperature import at_temperature
from skmeta.backbones.base import Backbone
from skmeta.episodes.episode import Batch, Episode
from skmeta.episodes.spec import Spec

__all__ = ["PerTarget", "answer_by_target", "by_target", "for_targets", "learners_of"]


def for_targets(
    algorithm: Algorithm, spec: Spec, temperatures: Sequence[float] | None = None
) -> Algorithm:
    """Return what learns all targets of a spec: an algorithm itself if there is one.

    With ``temperatures``, one for each target, it believes tasks that much less.
    """
    if spec.n_targets > 1:
        return PerTarget(algorithm, spec.n_targets, temperatures)
    if temperatures is None:
        return algorithm
    return at_temperature(algorithm, temperatures[0])


def learners_of(module: Any, spec: Spec) -> list[nn.Module]:
    """Return what was built for each target of a spec."""
    return [module] if spec.n_targets == 1 else list(module.learners)


class PerTarget(Algorithm):
    r"""Learn several targets by one backbone, each with a head or kernel of its own.

    The algorithm builds a learner for every target, all of them on the network that the
    backbone has built once. So whatever an algorithm learns besides the backbone (a
    head, a kernel, step sizes) belongs to a target, and the backbone learns of all:
    the meta-gradient is the sum over targets,

    .. math:: \nabla \sum_t L_t(\phi, \theta_t)

    with :math:`\phi` of the backbone and :math:`\theta_t` of the learner of target t
    (hard parameter sharing, Caruana 1997). A task learns its targets one by one from
    the same rows; an algorithm that adapts the backbone adapts it for each. What an
    algorithm guards against, such as steps that lead astray, it guards against target
    by target. Where nothing is shared, the answers are those of learners of their own.

    Estimators use it by themselves where ``y`` has several columns.

    Parameters
    ----------
    algorithm : Algorithm
        Learns one target.
    n_targets : int
        How many there are.
    temperatures : sequence of float, default=None
        For each target the ``temperature`` of the algorithm, where it has one; its own
        for all by default.

    References
    ----------
    R. Caruana. Multitask learning. Machine Learning 28, 1997.

    Examples
    --------
    >>> import torch
    >>> from skmeta.algorithms import R2D2
    >>> from skmeta.algorithms.per_target import PerTarget
    >>> from skmeta.backbones import MLP
    >>> from skmeta.episodes import Batch, Spec
    >>> spec = Spec(n_features=2, n_outputs=1, kind="regressor", n_targets=3)
    >>> both = PerTarget(R2D2(), n_targets=3)
    >>> module = both.build(MLP(hidden=(4,)), spec)
    >>> X, y = torch.randn(5, 8, 2), torch.randn(5, 8, 3)
    >>> mask, no_classes = torch.ones(5, 8, dtype=torch.bool), torch.zeros(5).long()
    >>> state = both.adapt(module, Batch(X, y, mask, no_classes))
    >>> both.predict(module, state, X).shape
    torch.Size([5, 8, 3])
    """

    def __init__(
        self,
        algorithm: Algorithm,
        n_targets: int,
        temperatures: Sequence[float] | None = None,
    ):
        self.algorithm = algorithm
        self.n_targets = n_targets
        self.temperatures = temperatures

    def __getattr__(self, name: str) -> Any:
        # What only some algorithms have: ``predict_std``, ``class_loss``, ...
        if name == "predict_std" and hasattr(self.algorithm, name):
            return self._predict_std
        raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}.")

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        # In messages it is the algorithm that a user has chosen.
        return repr(self.algorithm)

    @property
    def adapts_weights(self) -> bool:  # type: ignore[override]
        """As that of the algorithm."""
        return self.algorithm.adapts_weights

    @property
    def trains_in_one_cycle(self) -> bool:  # type: ignore[override]
        """As that of the algorithm."""
        return self.algorithm.trains_in_one_cycle

    def build(self, backbone: Backbone, spec: Spec) -> _Learners:
        """Build a learner of every target, on one network."""
        networks, learners = _Networks(), []
        for target in range(self.n_targets):
            handed_out: Any = _HandsOut(backbone, networks)
            one = spec.of_one_target(target)
            learners.append(self.algorithm.build(handed_out, one))
        return _Learners(learners)

    def adapt(self, module: _Learners, support: Batch) -> tuple[Any, ...]:
        """Learn every target from its support; a state of each."""
        algorithms = [self.algorithm] * self.n_targets
        if self.temperatures is not None:
            algorithms = [
                at_temperature(self.algorithm, each) for each in self.temperatures
            ]
        return tuple(
            algorithm.adapt(learner, support.of_target(target))
            for target, (algorithm, learner) in enumerate(
                zip(algorithms, module.learners, strict=True)
            )
        )

    def predict(
        self,
        module: _Learners,
        state: tuple[Any, ...],
        X: Tensor,
        offset: Tensor | None = None,
    ) -> Tensor:
        """Answer rows, (tasks, rows, targets * outputs): target after target."""
        return self._side_by_side(self.algorithm.predict, module, state, X, offset)

    def _predict_std(
        self,
        module: _Learners,
        state: tuple[Any, ...],
        X: Tensor,
        offset: Tensor | None = None,
    ) -> Tensor:
        """Give the standard deviation of every target, (tasks, rows, targets)."""
        predict_std: Any = self.algorithm.predict_std
        return self._side_by_side(predict_std, module, state, X, offset)

    def embed(
        self,
        module: _Learners,
        state: tuple[Any, ...],
        X: Tensor,
        offset: Tensor | None = None,
    ) -> Tensor:
        """Embed rows; target after target where their embeddings differ."""
        if type(self.algorithm).embed is Algorithm.embed:  # by the backbone alone
            return self.algorithm.embed(module.learners[0], state[0], X)
        return self._side_by_side(self.algorithm.embed, module, state, X, offset)

    def callbacks(self) -> list[Any]:
        """Return those of the algorithm."""
        return self.algorithm.callbacks()

    def has_prior(self, spec: Spec) -> bool:
        """Tell whether the algorithm answers without a row."""
        return self.algorithm.has_prior(spec)

    def meta_loss(self, module: _Learners, episode: Episode) -> Tensor:
        """Return the sum over targets."""
        return torch.stack(
            [
                self.algorithm.meta_loss(learner, episode.of_target(target))
                for target, learner in enumerate(module.learners)
            ]
        ).sum()

    def meta_backward(self, module: _Learners, episode: Episode) -> Tensor:
        """Add the gradient of the sum over targets; return the mean of the losses."""
        losses = [
            self.algorithm.meta_backward(learner, episode.of_target(target))
            for target, learner in enumerate(module.learners)
        ]
        return torch.stack([torch.as_tensor(loss) for loss in losses]).mean()

    def validation_loss(
        self, module: _Learners, state: tuple[Any, ...], outputs: Tensor, query: Batch
    ) -> Tensor:
        """Return the mean over targets."""
        losses = [
            self.algorithm.validation_loss(learner, of_target, own, part)
            for learner, of_target, (own, part) in zip(
                module.learners, state, by_target(outputs, query), strict=True
            )
        ]
        return torch.stack(losses).mean()

    def _side_by_side(
        self,
        method: Callable[..., Tensor],
        module: _Learners,
        state: tuple[Any, ...],
        X: Tensor,
        offset: Tensor | None,
    ) -> Tensor:
        answers = []
        for target, learner in enumerate(module.learners):
            given = () if offset is None else (offset[..., target].contiguous(),)
            answers.append(method(learner, state[target], X, *given))
        return torch.cat(answers, dim=-1)


def by_target(outputs: Tensor, query: Batch) -> list[tuple[Tensor, Batch]]:
    """Part outputs and the rows that they answer by target; one pair for a single one.

    Parameters
    ----------
    outputs : Tensor of shape (tasks, rows, targets * outputs)
        As :meth:`PerTarget.predict` returns them.
    query : Batch
        Rows and targets.
    """
    if query.y.ndim == 2:
        return [(outputs, query)]
    parts = outputs.chunk(query.y.shape[-1], dim=-1)
    return [(part, query.of_target(target)) for target, part in enumerate(parts)]


def answer_by_target(answer: Callable[[Episode], Tensor], episode: Episode) -> Tensor:
    """Answer a meta-batch target by target, as :meth:`PerTarget.predict` does."""
    if episode.query.y.ndim == 2:
        return answer(episode)
    targets = range(episode.query.y.shape[-1])
    return torch.cat([answer(episode.of_target(each)) for each in targets], dim=-1)


class _Learners(nn.Module):
    """What is meta-learnt for every target; their networks are the same."""

    def __init__(self, learners: list[nn.Module]):
        super().__init__()
        self.learners = nn.ModuleList(learners)


# The networks that were built already, in the order in which a learner asks for them.
_Networks = list[nn.Module]


class _HandsOut:
    """A backbone that hands out networks, and builds those that there are not yet."""

    def __init__(self, backbone: Backbone, networks: _Networks):
        self._backbone, self._networks = backbone, networks
        self._n_asked = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backbone, name)

    def build(self, n_features: int) -> nn.Module:
        self._n_asked += 1
        if self._n_asked > len(self._networks):
            self._networks.append(self._backbone.build(n_features))
        return self._networks[self._n_asked - 1]
