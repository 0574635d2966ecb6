"""Named settings of MAML."""

from typing import Literal

from skmeta.algorithms.maml import MAML

__all__ = ["MetaSGD"]


class MetaSGD(MAML):
    r"""MAML that also learns a step size for every single weight.

    A task moves by :math:`\phi = \theta - \alpha \circ \nabla L(\theta)` with a learnt
    :math:`\alpha` of the shape of :math:`\theta` (Li et al. 2017, equation 3), so that
    direction and length of the step are learnt.

    Parameters
    ----------
    inner_lr : float, default=None
        Where all step sizes start, as in :class:`MAML`.
    inner_steps : int, default=2
        Gradient steps on the support. The paper takes 1, which teaches the head alone
        in a per-task label space.
    first_order, adapt_steps, adapt_only, pseudo_rows, checkpoint
        As in :class:`MAML`.

    References
    ----------
    Z. Li, F. Zhou, F. Chen, H. Li. Meta-SGD: learning to learn quickly for few-shot
    learning. arXiv:1707.09835, 2017.

    Examples
    --------
    >>> from skmeta.algorithms import MetaSGD
    >>> MetaSGD().learn_inner_lr
    'element'
    """

    def __init__(
        self,
        inner_lr: float | None = None,
        inner_steps: int = 2,
        first_order: bool = False,
        adapt_steps: int | None = None,
        adapt_only: Literal["all", "head", "body"] = "all",
        pseudo_rows: float = 0.0,
        checkpoint: bool = False,
    ):
        super().__init__(
            inner_lr,
            inner_steps,
            first_order,
            adapt_steps,
            learn_inner_lr="element",
            adapt_only=adapt_only,
            pseudo_rows=pseudo_rows,
            checkpoint=checkpoint,
        )
