"""Pickles of what is learnt of tasks, without the model that learnt them.

A learner that has adapted shares nearly all that it is made of with the fitted model:
networks, priors, members. Where the model is on every machine already, a pickle need
only say "the third part of the model", and holds what is the tasks' own.
"""

import hashlib
import io
import pickle
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import cloudpickle
import numpy as np
from torch import Tensor, nn

__all__ = ["Model"]

_WHOLE = (nn.Module, Tensor, np.ndarray)  # they are shared as they are or not at all
_PLAIN = (
    *(str, bytes, int, float, complex, type(None), np.generic, np.dtype, type),
    *(FunctionType, BuiltinFunctionType, MethodType, ModuleType),
)


class Model:
    """A fitted model, and a number for each of its parts.

    The numbers are the same in all processes that unpickle the same bytes.

    Parameters
    ----------
    fitted : object
        The model. It must not change from now on.

    Attributes
    ----------
    parts : list
        The model's parts by their numbers.
    checksum : bytes
        Of the kinds and shapes of the parts, in which models of other kinds differ; two
        fits of one kind do not.
    """

    def __init__(self, fitted: Any):
        self.fitted = fitted
        self.parts = _parts(fitted)
        kinds = [
            f"{type(part).__qualname__} {tuple(getattr(part, 'shape', ()))}"
            for part in self.parts
        ]
        self.checksum = hashlib.sha256("\n".join(kinds).encode()).digest()

    def __reduce__(self) -> tuple[Any, ...]:
        return Model, (self.fitted,)

    def dumps(self, learner: Any) -> bytes:
        """Pickle what has adapted, but for parts of the model."""
        file = io.BytesIO()
        numbers = {id(part): number for number, part in enumerate(self.parts)}
        _Pickler(file, numbers).dump(learner)
        return self.checksum + file.getvalue()

    def loads(self, data: bytes) -> Any:
        """Unpickle what :meth:`dumps` wrote, with the parts of this model.

        Raises
        ------
        ValueError
            If it was learnt by a model of another kind.
        """
        n_bytes = len(self.checksum)
        if data[:n_bytes] != self.checksum:
            raise ValueError(
                "These tasks were learnt by another model than the one that is to "
                "answer: call adapt again."
            )
        return _Unpickler(io.BytesIO(data[n_bytes:]), self.parts).load()


class _Pickler(cloudpickle.Pickler):
    def __init__(self, file: io.BytesIO, numbers: dict[int, int]):
        super().__init__(file)
        self._numbers = numbers

    def persistent_id(self, obj: Any) -> int | None:
        return self._numbers.get(id(obj))


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, parts: list[Any]):
        super().__init__(file)
        self._parts = parts

    def persistent_load(self, number: int) -> Any:
        return self._parts[number]


def _parts(model: Any) -> list[Any]:
    """List what a model is made of, in an order that its structure alone says."""
    parts: list[Any] = []
    seen: set[int] = set()
    ahead = [model]
    while ahead:
        each = ahead.pop()
        if isinstance(each, _PLAIN) or id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, _WHOLE):
            parts.append(each)
        elif isinstance(each, dict):
            ahead += each.values()
        elif isinstance(each, list | tuple):
            ahead += each
        elif hasattr(each, "__dict__"):
            parts.append(each)
            ahead += vars(each).values()
    return parts
