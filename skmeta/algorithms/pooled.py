"""One network on all tasks, fine-tuned on each: the control."""

from typing import Literal

from torch import Tensor

from skmeta.algorithms.base import Algorithm
from skmeta.algorithms.inner_loop.learner import InnerLoop
from skmeta.algorithms.reptile import Reptile
from skmeta.algorithms.shared.losses import task_losses
from skmeta.algorithms.shared.offsets import add_offset
from skmeta.episodes.episode import Episode
from skmeta.nn import apply

__all__ = ["Pooled"]


class Pooled(Reptile):
    r"""One network trained on all tasks together, then fine-tuned on each.

    The control for every algorithm that claims to learn how to learn. Training knows
    nothing of tasks: :math:`\theta` minimises the plain loss on all rows of every task,
    support and query alike,

    .. math:: \min_\theta \sum_i L_i^{support \cup query}(\theta),

    and a new task starts from there and takes ``adapt_steps`` of ordinary gradient
    descent on its support. What :class:`~skmeta.algorithms.MAML` gains over this is
    what learning to adapt has brought; where tasks differ little, it may be nothing.

    Where labels are names inside one task, an output has no meaning over all tasks.
    There :class:`~skmeta.algorithms.SimpleShot` and
    :class:`~skmeta.algorithms.BaselinePlusPlus` are the controls.

    To pool rows for a scikit-learn estimator, which no support fine-tunes, take
    :class:`skmeta.model_selection.Pooled`.

    Parameters
    ----------
    inner_lr : float, default=0.03
        Step size of the fine-tuning; with "adam" something like 0.003.
    adapt_steps : int, default=20
        Steps of the fine-tuning, each on all rows of the support. 0 answers every task
        by the one network.
    inner_optimizer : {"sgd", "adam"}, default="sgd"
        What takes these steps; Adam with :math:`\beta_1 = 0`.
    pseudo_rows : float, default=0.0
        As in :class:`~skmeta.algorithms.MAML`: shortens the steps of small supports.

    Examples
    --------
    >>> from skmeta import MetaRegressor
    >>> from skmeta.algorithms import Pooled
    >>> from skmeta.datasets import make_sinusoids
    >>> X, y, task = make_sinusoids(n_tasks=50, n_rows=20, random_state=0)
    >>> meta = MetaRegressor(Pooled(), max_epochs=2, random_state=0)
    >>> meta = meta.fit(X, y, groups=task)
    >>> meta.adapt(X[:5], y[:5]).predict(X[5:8]).shape
    (3,)
    """

    label_spaces = ("shared",)

    # What Reptile takes as parameters; in training there are no inner steps.
    inner_steps = 0
    inner_batch_size = None

    def __init__(
        self,
        inner_lr: float = 0.03,
        adapt_steps: int = 20,
        inner_optimizer: Literal["sgd", "adam"] = "sgd",
        pseudo_rows: float = 0.0,
    ):
        self.inner_lr = inner_lr
        self.adapt_steps = adapt_steps
        self.inner_optimizer = inner_optimizer
        self.pseudo_rows = pseudo_rows

    def meta_loss(self, module: InnerLoop, episode: Episode) -> Tensor:
        """Loss of the one network on support and query rows, without any inner step."""
        rows, _ = episode.join()
        outputs = apply(module.tip, rows.X, rows.mask)
        return task_losses(add_offset(outputs, rows.offset), rows).mean()

    # Not Reptile's, which fills the gradient with the way of the inner steps.
    meta_backward = Algorithm.meta_backward
