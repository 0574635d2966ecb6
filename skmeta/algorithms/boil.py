"""Body only update in the inner loop: MAML of all but the last layer."""

from typing import Literal

from skmeta.algorithms.maml import MAML

__all__ = ["BOIL"]


class BOIL(MAML):
    """Body only update in the inner loop: MAML whose inner steps spare the last layer.

    The representation itself must change from task to task (Oh et al. 2021, section 3).
    Classes differ in the last layer alone, so labels must mean the same in every task.

    Parameters
    ----------
    inner_lr, inner_steps, first_order, adapt_steps, learn_inner_lr, pseudo_rows, \
    checkpoint
        As in :class:`MAML`.

    References
    ----------
    J. Oh, H. Yoo, C. Kim, S.-Y. Yun. BOIL: towards representation change for few-shot
    learning. ICLR 2021.

    Examples
    --------
    >>> from skmeta.algorithms import BOIL
    >>> BOIL().label_spaces
    ('shared',)
    """

    label_spaces = ("shared",)

    def __init__(
        self,
        inner_lr: float | None = None,
        inner_steps: int = 5,
        first_order: bool = False,
        adapt_steps: int | None = None,
        learn_inner_lr: Literal[False, "tensor", "element", "step"] = "tensor",
        pseudo_rows: float = 0.0,
        checkpoint: bool = False,
    ):
        super().__init__(
            inner_lr,
            inner_steps,
            first_order,
            adapt_steps,
            learn_inner_lr,
            adapt_only="body",
            pseudo_rows=pseudo_rows,
            checkpoint=checkpoint,
        )
