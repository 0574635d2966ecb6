"""What goes to many calls in other processes and is pickled once for all of them."""

import hashlib
import pickle
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import cloudpickle
import numpy as np

__all__ = ["Sent"]

# Values that a process keeps open, by checksum: those of the calls that it works on.
_MOST_OPEN = 4
_open: OrderedDict[str, Any] = OrderedDict()
_lock = threading.Lock()


class Sent:
    """A value on its way to other processes.

    It is pickled when it is first sent, and from then on the same bytes go. They say
    how many they are, so that ``joblib`` over Dask takes them for data: a worker gets
    them once, not with every call. Over processes of this machine ``joblib`` maps
    them into memory, because they are an array. The receiving process opens them once.

    Parameters
    ----------
    value : object
        Anything that cloudpickle takes.

    Examples
    --------
    >>> import pickle
    >>> from skmeta.utils.sending import Sent
    >>> sent = Sent({"gp": [1, 2]})
    >>> arrived = [pickle.loads(pickle.dumps(sent)).open() for _ in range(2)]
    >>> arrived[0]
    {'gp': [1, 2]}
    >>> arrived[0] is arrived[1]
    True
    """

    def __init__(self, value: Any):
        self._value = value

    @cached_property
    def payload(self) -> np.ndarray:
        """The pickle, of shape (n_bytes,)."""
        return np.frombuffer(cloudpickle.dumps(self._value), dtype=np.uint8)

    @cached_property
    def checksum(self) -> str:
        """The SHA-256 of the pickle."""
        return hashlib.sha256(self.payload.data).hexdigest()

    def open(self) -> Any:
        """Return the value: in another process one that all calls of it share."""
        if hasattr(self, "_value"):
            return self._value
        return _opened(self.checksum, lambda: self.payload)

    @cached_property
    def in_ray(self) -> "InRay":
        """The same, in the memory that Ray shares; its ``joblib`` pickles arguments."""
        import ray

        return InRay(ray.put(self.payload), self.checksum)

    def detached(self) -> Self:
        """Return the same as it arrives elsewhere, whatever becomes of the value."""
        arrived: Self = pickle.loads(pickle.dumps(self))
        return arrived

    def __sizeof__(self) -> int:
        return self.payload.nbytes

    def __dask_tokenize__(self) -> tuple[str, str]:
        return (type(self).__qualname__, self.checksum)

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrive, (self.payload, self.checksum)


@dataclass(frozen=True)
class InRay:
    """Where a value is in the memory that Ray shares."""

    place: Any
    checksum: str

    def open(self) -> Any:
        """Return the value, as :meth:`Sent.open` does."""
        import ray

        return _opened(self.checksum, lambda: ray.get(self.place))


def _opened(checksum: str, payload: Callable[[], np.ndarray]) -> Any:
    with _lock:
        if checksum not in _open:
            _open[checksum] = pickle.loads(payload().data)
        _open.move_to_end(checksum)
        while len(_open) > _MOST_OPEN:
            _open.popitem(last=False)
        return _open[checksum]


def _arrive(payload: np.ndarray, checksum: str) -> Sent:
    sent = Sent.__new__(Sent)
    vars(sent).update(payload=payload, checksum=checksum)
    return sent
