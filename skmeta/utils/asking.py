"""Questions that a computation asks of its numbers, which a GPU must be waited for.

A step that is captured as a graph has no numbers yet while it is captured. Questions
about what a meta-batch holds are answered by who knows the meta-batch, and what is
hardly ever the case is taken not to be, and looked at afterwards.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar

import torch
from torch import Tensor

__all__ = ["Answers", "answering", "happens", "largest", "may_ask"]


class Answers:
    """What is known of some tensors, and what is to be looked at afterwards.

    Parameters
    ----------
    tensors : sequence of Tensor
        Those that something is known of.
    largest : callable
        From the place of one of them to its largest number.
    look : callable or None
        From a bool Tensor of one element to its value. None where there is none yet.

    Attributes
    ----------
    asked : set of int
        Places of tensors whose largest number was asked for.
    doubts : list of bool Tensor
        Each of one element, True where what is unlikely was the case.
    has_happened : bool
        Whether one of them was, as far as that was looked at.
    """

    def __init__(
        self,
        tensors: Sequence[Tensor],
        largest: Callable[[int], int],
        look: Callable[[Tensor], bool] | None = None,
    ):
        self.asked: set[int] = set()
        self.doubts: list[Tensor] = []
        self.has_happened = False
        self._places = {id(tensor): place for place, tensor in enumerate(tensors)}
        self._tensors = tensors  # that their identities stay theirs
        self._largest = largest
        self._look = look

    def largest(self, tensor: Tensor) -> int:
        """Return the largest number of one of the tensors, or ask another for it."""
        place = self._places.get(id(tensor))
        if place is None:
            return int(tensor.max())
        self.asked.add(place)
        return self._largest(place)

    def happens(self, unlikely: Tensor) -> bool:
        """Note something unlikely, and look whether it is the case, if one can."""
        doubt = unlikely.any()
        self.doubts.append(doubt)
        if self._look is None:
            return False
        happens = self._look(doubt)
        self.has_happened |= happens
        return happens


_PRESENT: ContextVar[Answers | None] = ContextVar("_PRESENT", default=None)


@contextlib.contextmanager
def answering(answers: Answers) -> Iterator[None]:
    """Let questions be answered by what is known, until the end of the block."""
    token = _PRESENT.set(answers)
    try:
        yield
    finally:
        _PRESENT.reset(token)


def _present() -> Answers | None:
    # What is compiled is never captured, and would be parted where a variable is read.
    return None if torch.compiler.is_compiling() else _PRESENT.get()


def may_ask() -> bool:
    """Tell whether any question may be asked here."""
    return _present() is None


def largest(tensor: Tensor) -> int:
    """Return the largest number of an integer Tensor, such as ``Batch.n_classes``.

    Examples
    --------
    >>> import torch
    >>> from skmeta.utils.asking import largest
    >>> largest(torch.tensor([2, 3]))
    3
    """
    answers = _present()
    return int(tensor.max()) if answers is None else answers.largest(tensor)


def happens(unlikely: Tensor) -> bool:
    """Tell whether something is the case anywhere that hardly ever is.

    Where a graph is captured it is not, for now: whoever replays the graph looks
    afterwards, and throws away what was computed where it was.

    Parameters
    ----------
    unlikely : bool Tensor
        True where it is the case.
    """
    answers = _present()
    return bool(unlikely.any()) if answers is None else answers.happens(unlikely)
