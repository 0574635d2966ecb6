"""First-order MAML."""

from typing import Literal

from skmeta.algorithms.maml import MAML

__all__ = ["FOMAML"]


class FOMAML(MAML):
    r"""First-order MAML: the inner gradient is taken for a constant.

    The outer gradient is that of the query loss at the adapted weights,
    :math:`\nabla_{\phi_i} L_i^{query}(\phi_i)` (Finn et al. 2017, section 5.2), which
    costs half of the full one and is mostly as good.

    Parameters
    ----------
    inner_lr, inner_steps, adapt_steps, learn_inner_lr, adapt_only, pseudo_rows
        As in :class:`MAML`.

    References
    ----------
    C. Finn, P. Abbeel, S. Levine. Model-agnostic meta-learning for fast adaptation of
    deep networks. ICML 2017.

    Examples
    --------
    >>> from skmeta.algorithms import FOMAML
    >>> FOMAML(inner_steps=3).first_order
    True
    """

    def __init__(
        self,
        inner_lr: float | None = None,
        inner_steps: int = 5,
        adapt_steps: int | None = None,
        learn_inner_lr: Literal[False, "tensor", "element", "step"] = "tensor",
        adapt_only: Literal["all", "head", "body"] = "all",
        pseudo_rows: float = 0.0,
    ):
        super().__init__(
            inner_lr,
            inner_steps,
            first_order=True,
            adapt_steps=adapt_steps,
            learn_inner_lr=learn_inner_lr,
            adapt_only=adapt_only,
            pseudo_rows=pseudo_rows,
        )
