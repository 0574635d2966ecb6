"""Ridge regression on a meta-learnt embedding (R2-D2)."""

import math
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from skmeta.algorithms.base import Algorithm
from skmeta.algorithms.shared.calibration import (
    Calibration,
    count_classes,
    part_to_stop_by,
)
from skmeta.algorithms.shared.cholesky import cholesky
from skmeta.algorithms.shared.losses import mask_absent_classes, task_losses
from skmeta.algorithms.shared.offsets import add_offset, unexplained_targets
from skmeta.algorithms.shared.training_classes import (
    ClassLoss,
    embed_episode,
    make_class_loss,
)
from skmeta.backbones.base import Backbone, width_of
from skmeta.episodes.episode import Batch, Episode
from skmeta.episodes.spec import Spec
from skmeta.nn import apply
from skmeta.utils.asking import largest, may_ask
from skmeta.utils.devices import wide_type

__all__ = ["R2D2"]


# Ridge answers lie between 0 and 1. With this first scale, a class that it is sure of
# gets most of the probability. Where a label means the same in every task, a handful of
# rows seldom makes sure of one: as sure an answer costs more than it gains, and some
# hundreds of meta-steps do not bring the scale down.
_FIRST_SCALE = {"per_task": 10.0, "shared": 1.5}


class R2D2(Algorithm):
    r"""Differentiable ridge regression: each task solves for its head in closed form.

    With the embedded support rows Z, a one appended to each, and their targets Y
    (one-hot labels, or values), a task's head is (Bertinetto et al. 2019, equations 4
    and 6)

    .. math::
        W = \arg\min_W \|Z W - Y\|^2 + \lambda \|W - W_0\|^2
          = W_0 + Z^\top (Z Z^\top + \lambda I)^{-1} (Y - Z W_0)

    in the form of Woodbury, whose matrix is as large as the support has rows, or in
    the usual one where the embedding is narrower than that. Logits are
    :math:`\alpha \, (f(x), 1) \, W + \beta`. The backbone f, :math:`\lambda`,
    :math:`\alpha` and :math:`\beta` are meta-learnt through the solution, which is
    exact: no step size, no number of steps.

    In the paper :math:`W_0 = 0`, and so it is in per-task label spaces, where
    :math:`\beta`, the same for all classes, cancels in the softmax and is left out. In
    a shared label space and in regression :math:`W_0` is meta-learnt: ridge shrinks
    towards it, a task without any row is answered by it, and :math:`\beta` is one shift
    per class. There, logits are also scaled by the number of support rows, and the
    shares of the classes in the support join them
    (:class:`~skmeta.algorithms.Calibration`): no ridge is as sure of a class as a few
    rows of it and of no other are, where tasks differ much. Regression needs no
    calibration: its outputs are :math:`(f(x), 1) \, W`.

    What a prior says of a row, o(x), is added to its outputs, and Y is what it leaves
    of the targets: values less o, or :math:`[y = k] - \mathrm{softmax}_k(o) + 1 / K`
    of K classes.

    Parameters
    ----------
    ridge : float, default=1.0
        Strength :math:`\lambda` of the penalty; where it is learnt, its start.
    learn_ridge : bool, default=True
        Meta-learn :math:`\lambda`, which stays positive.
    class_loss : float or "auto", default="auto"
        Weight of a second loss of the training: all training classes are told apart by
        a linear classifier of the embedding (:class:`~skmeta.algorithms.ClassLoss`).
        "auto" is 1 for pools of ten classes or more, ``tasks="classes"``, and 0, for
        none, elsewhere and for backbones that learn filters of images, "conv4".

    References
    ----------
    L. Bertinetto, J. F. Henriques, P. H. S. Torr, A. Vedaldi. Meta-learning with
    differentiable closed-form solvers. ICLR 2019.

    Examples
    --------
    >>> from skmeta import MetaRegressor
    >>> from skmeta.algorithms import R2D2
    >>> from skmeta.datasets import make_sinusoids
    >>> X, y, task = make_sinusoids(n_tasks=50, n_rows=20, random_state=0)
    >>> meta = MetaRegressor(R2D2(ridge=0.1), max_epochs=2, random_state=0)
    >>> meta = meta.fit(X, y, groups=task)
    >>> meta.adapt(X[:5], y[:5]).predict(X[5:8]).shape
    (3,)
    """

    uses_weights = True
    uses_prior = True

    def __init__(
        self,
        ridge: float = 1.0,
        learn_ridge: bool = True,
        class_loss: float | Literal["auto"] = "auto",
    ):
        self.ridge = ridge
        self.learn_ridge = learn_ridge
        self.class_loss = class_loss

    def build(self, backbone: Backbone, spec: Spec) -> "_RidgeLearner":
        """Hold the backbone, the ridge, the calibration, prior head and second loss.

        Raises
        ------
        ValueError
            If ``ridge`` is not positive or ``class_loss`` negative.
        """
        if not self.ridge > 0:
            raise ValueError(f"ridge must be positive, not {self.ridge!r}.")
        network = backbone.build(spec.n_features)
        module = _RidgeLearner(network, spec, self.ridge, self.learn_ridge)
        module.class_loss = make_class_loss(width_of(network), spec, self.class_loss)
        return module

    def default_validation_fraction(self, spec: Spec, n_units: int) -> float:
        """Say what part of the tasks tells when to stop.

        Returns
        -------
        float
            A tenth; where labels are shared 30 tasks if that is more, up to 25 %
            of all.
        """
        # On inner splits of tasks to learn from: 0.95 of the loss of the mean on one
        # table of 97 where a tenth had 0.99, 0.99 against 0.98 on another.
        return part_to_stop_by(spec, n_units, enough=30, most=0.25)

    def adapt(self, module: "_RidgeLearner", support: Batch) -> "State":
        """Solve the ridge regression of every task."""
        embedded = apply(module.backbone, support.X, support.mask)
        return self._solve(module, embedded, support)

    def predict(
        self,
        module: "_RidgeLearner",
        state: "State",
        X: Tensor,
        offset: Tensor | None = None,
    ) -> Tensor:
        """Answer rows with every task's own head."""
        return add_offset(
            self._answer(module, state, apply(module.backbone, X)), offset
        )

    def meta_loss(self, module: "_RidgeLearner", episode: Episode) -> Tensor:
        """Loss on the queries, and the second loss where there is one."""
        if module.class_loss is None:
            return super().meta_loss(module, episode)
        support, query, embedded, rows = embed_episode(module.backbone, episode)
        state = self._solve(module, support, episode.support)
        outputs = self._answer(module, state, query)
        outputs = add_offset(outputs, episode.query.offset)
        loss = task_losses(outputs, episode.query).mean()
        return loss + module.class_loss(embedded, rows)

    def _solve(
        self, module: "_RidgeLearner", embedded: Tensor, support: Batch
    ) -> "State":
        Z = _with_ones(embedded)  # (tasks, rows, d + 1)
        # A row of weight w counts as w rows if it and its target are sqrt(w) as long.
        root = support.counts(Z).sqrt().unsqueeze(-1)
        Z = Z * root
        residual = self._targets(module, support).to(Z)  # (tasks, rows, outputs)
        residual = residual * root
        if module.prior is None:
            W = _ridge(Z, residual, module.log_ridge.exp())
        else:
            residual = residual - Z @ module.prior
            W = module.prior + _ridge(Z, residual, module.log_ridge.exp())
        return State(module.calibrate(W, support), support.n_classes)

    def _answer(
        self, module: "_RidgeLearner", state: "State", embedded: Tensor
    ) -> Tensor:
        outputs = _with_ones(embedded) @ state.head
        if module.log_scale is None:
            return outputs
        logits = module.log_scale.exp() * outputs
        if module.calibration is not None:
            logits = logits + module.calibration.shift
        return mask_absent_classes(logits, state.n_classes)

    def _targets(self, module: "_RidgeLearner", support: Batch) -> Tensor:
        return unexplained_targets(
            support, module.n_outputs or largest(support.n_classes)
        )


class State(NamedTuple):
    head: Tensor  # (tasks, d + 1, outputs), calibrated but for shift and scale
    n_classes: Tensor  # (tasks,)


class _RidgeLearner(nn.Module):
    class_loss: ClassLoss | None

    def __init__(
        self, backbone: nn.Module, spec: Spec, ridge: float, learn_ridge: bool
    ):
        super().__init__()
        self.backbone = backbone
        self.n_outputs = spec.n_outputs
        self.log_ridge = nn.Parameter(
            torch.tensor(math.log(ridge)), requires_grad=learn_ridge
        )
        self.prior = self.log_scale = self.calibration = None
        if self.n_outputs:
            width = width_of(backbone) + 1
            self.prior = nn.Parameter(torch.zeros(width, self.n_outputs))
        if spec.kind == "classifier":
            scale = _FIRST_SCALE[spec.label_space]
            self.log_scale = nn.Parameter(torch.tensor(math.log(scale)))
            if self.n_outputs:
                self.calibration = Calibration(self.n_outputs)

    def calibrate(self, head: Tensor, support: Batch) -> Tensor:
        """Scale heads by the rows of their support; let its classes' shares join."""
        if self.calibration is None or self.log_scale is None:
            return head
        head = self.calibration.scale(support.counts(head).sum(dim=1)) * head
        shares = self.calibration.shares(count_classes(support, self.n_outputs))
        # As the weights of the ones, in the unit before the scale.
        ones = head[:, -1:] + (shares / self.log_scale.exp()).unsqueeze(1).to(head)
        return torch.cat([head[:, :-1], ones], dim=1)

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any
    ) -> None:
        if (shift := state_dict.pop(prefix + "shift", None)) is not None:
            # Of a file from before there was a calibration.
            state_dict[prefix + "calibration.odds"] = Calibration.odds_of(shift)
        super()._load_from_state_dict(state_dict, prefix, *args)


def _with_ones(embedded: Tensor) -> Tensor:
    """Append a one to each row."""
    return pad(embedded, (0, 1), value=1.0)


def _ridge(Z: Tensor, Y: Tensor, ridge: Tensor) -> Tensor:
    """Solve ``(Z^T Z + ridge I) W = Z^T Y``, rows of zeros changing nothing."""
    dtype = Z.dtype
    # Where labels carry no noise, the ridge is learnt to be so small that single
    # precision would be all rounding.
    Z, Y, ridge = (each.to(wide_type(each)) for each in (Z, Y, ridge))
    n_rows, width = Z.shape[-2:]
    eye = ridge * torch.eye(min(n_rows, width), dtype=Z.dtype, device=Z.device)
    if n_rows < width:
        W = Z.mT @ _solve(Z @ Z.mT + eye, Y)
    else:
        W = _solve(Z.mT @ Z + eye, Z.mT @ Y)
    return W.to(dtype)


def _solve(A: Tensor, B: Tensor) -> Tensor:
    """Solve ``A X = B`` of symmetric and positive definite matrices."""
    if may_ask():
        return torch.linalg.solve(A, B)
    L = cholesky(A)  # which is not waited for
    X = torch.linalg.solve_triangular(L, B, upper=False)
    return torch.linalg.solve_triangular(L.mT, X, upper=True)
