"""Values to JSON and tensors, and back: a fixed list of types, and registered names.

What JSON has is itself. Everything else is an object whose ``"$"`` says its type, out
of those that :class:`Reader` knows; arrays and tensors are left to the tensors' side.

A reader takes a file for a stranger's. What it makes is no larger than the file by more
than a fixed factor, whatever the file says of sizes.
"""

import datetime
import functools
import math
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.dtypes import StringDType

from skmeta import hookspecs, plugins
from skmeta.exceptions import LoadError, SaveError
from skmeta.saving.names import state_class, state_name

__all__ = ["Reader", "Writer", "check_random_state"]

_SCALARS = "biuf"  # kinds of numpy numbers that are tensors of their own
_TIMES = "mM"  # kept as the int64 they are

# What is built of a file. A dataset, which is a kind of name as well, would download.
_COMPONENTS = ("algorithm", "backbone", "distance", "augmentation")

# Text of an array that may take more room than its longest item, in characters.
_SPARE_WIDTH = 64

_GENERATOR = "MT19937"  # of a RandomState, unless it was made of another


class Writer:
    """Turns values into JSON, and collects the arrays among them.

    Attributes
    ----------
    tensors : dict of str to Tensor
        The arrays, by the name that the JSON has for them.
    algorithm : Algorithm or None
        Whose states are written; the types of these must be found by its module.
    supports : bool
        Whether the rows are written that tasks were learnt from.

    Parameters
    ----------
    write_estimator : callable, default=None
        Given the writer, an object and its name in errors, returns the JSON of an
        estimator, None for what is none.
    """

    def __init__(
        self, write_estimator: Callable[["Writer", Any, str], Any] | None = None
    ) -> None:
        self.tensors: dict[str, torch.Tensor] = {}
        self.algorithm: Any = None
        self.supports = False
        self._write_estimator = write_estimator

    def write(self, value: Any, where: str) -> Any:
        """Turn a value into JSON; ``where`` names it in errors."""
        if isinstance(value, np.generic):
            return {"$": "scalar", "array": self.write(np.asarray(value), where)}
        if value is None or isinstance(value, (bool, int, str)):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else {"$": "float", "is": repr(value)}
        if isinstance(value, np.ndarray):
            return self._array(value, where)
        if isinstance(value, torch.Tensor):
            return {"$": "tensor", "name": self._keep(value.detach(), where)}
        if isinstance(value, (list, tuple)):
            return self._sequence(value, where)
        if isinstance(value, dict):
            return self._dict(value, where)
        if hasattr(value, "iloc"):
            return self._frame(value, where)
        if isinstance(value, datetime.date):
            pandas = type(value).__module__.startswith("pandas")
            kind = "datetime" if isinstance(value, datetime.datetime) else "date"
            return {"$": "timestamp" if pandas else kind, "is": value.isoformat()}
        if isinstance(value, os.PathLike):
            return os.fspath(value)
        if isinstance(value, torch.device):
            return {"$": "device", "is": str(value)}
        if isinstance(value, np.random.RandomState):
            drawn = value.get_state(legacy=False)
            if drawn["bit_generator"] != _GENERATOR:
                raise SaveError(
                    f"Cannot save {where}: a file keeps a RandomState of {_GENERATOR}, "
                    f"and this is one of {drawn['bit_generator']}. Pass a seed."
                )
            return {"$": "RandomState", "state": self.write(drawn, where)}
        if isinstance(value, functools.partial) and not value.args:
            given = self._dict(value.keywords, where)
            return {"$": "partial", "of": self.write(value.func, where), "with": given}
        name = getattr(value, "__name__", "")
        if _optimizer(name) is value:
            return {"$": "optimizer", "name": name}
        return self._component(value, where)

    def _keep(self, tensor: torch.Tensor, where: str) -> str:
        name = where
        while name in self.tensors:
            name += "'"
        # A state may be a view of one weight for all tasks, which a file cannot hold.
        self.tensors[name] = tensor.cpu().contiguous().clone()
        return name

    def _array(self, value: np.ndarray, where: str) -> dict:
        dtype, kind = value.dtype, value.dtype.kind
        if kind == "U" and dtype.itemsize > 4 * _SPARE_WIDTH:
            dtype = np.array(value.ravel().tolist(), dtype=str).dtype  # as they need
        if kind in "OUT":
            items = [self.write(item, where) for item in value.ravel().tolist()]
            of = {"O": "object", "T": "text"}.get(kind, dtype.str)
            return {"$": "items", "dtype": of, "shape": [*value.shape], "items": items}
        if kind in _TIMES:
            value = value.view(np.dtype("i8").newbyteorder(dtype.byteorder))
        if kind not in _SCALARS + _TIMES or dtype.itemsize > 8:
            raise SaveError(f"Cannot save {where}: no file can hold {dtype} arrays.")
        native = np.array(value, dtype=value.dtype.newbyteorder("="), order="C")
        name = self._keep(torch.from_numpy(native), where)
        return {"$": "array", "dtype": dtype.str, "name": name}

    def _frame(self, value: Any, where: str) -> dict:
        if value.ndim != 2:
            raise SaveError(f"Cannot save {where}: {type(value).__name__} is no table.")
        columns = [
            [self.write(name, where), self.write(own.to_numpy(), f"{where}.{name}")]
            for name, own in value.items()
        ]
        return {"$": "frame", "columns": columns}

    def _sequence(self, value: list | tuple, where: str) -> Any:
        items = [self.write(item, f"{where}.{i}") for i, item in enumerate(value)]
        if type(value) is tuple:
            return {"$": "tuple", "items": items}
        if isinstance(value, tuple):
            name = state_name(self.algorithm, type(value))
            if name is None:
                raise SaveError(
                    f"Cannot save {where}: {type(value).__name__} is not defined "
                    "beside the algorithm "
                    f"{self.algorithm}, in whose module it is looked up by its name. "
                    "Define it there, or let adapt return a plain tuple."
                )
            return {"$": "named", "name": name, "items": items}
        return items

    def _dict(self, value: dict, where: str) -> dict:
        if all(type(key) is str for key in value) and "$" not in value:
            return {k: self.write(v, f"{where}.{k}") for k, v in value.items()}
        items = [
            [self.write(key, where), self.write(item, f"{where}.{key}")]
            for key, item in value.items()
        ]
        return {"$": "dict", "items": items}

    def _component(self, value: Any, where: str) -> dict:
        cls = type(value)
        for kind in _COMPONENTS:
            for entry in plugins.entries(kind):
                if entry.cls is cls:
                    given = self._dict(value.get_params(deep=False), where)
                    return {
                        "$": kind,
                        "name": entry.name,
                        "distribution": entry.distribution,
                        "version": entry.version,
                        "params": given,
                    }
        if self._write_estimator is not None:
            content = self._write_estimator(self, value, where)
            if content is not None:
                return {"$": "estimator", "content": content}
        is_object = not callable(value) or isinstance(value, torch.nn.Module)
        what = cls if is_object else value
        name = getattr(what, "__qualname__", repr(what))
        kinds = ", ".join(_COMPONENTS)
        raise SaveError(
            f"Cannot save {where}: {name} is not registered, and a file without code "
            "can only name what is. If it is a class of your own, register it with "
            f"skmeta.plugins.register under one of the kinds {kinds} (of a network, "
            "the Backbone that builds it); pickle and joblib keep anything."
        )


class Reader:
    """Turns JSON into the values that :class:`Writer` was given.

    Parameters
    ----------
    tensors : dict of str to Tensor
        The arrays, by name.
    read_estimator : callable, default=None
        Given the reader and the JSON of an estimator, returns it.
    """

    def __init__(
        self,
        tensors: dict[str, torch.Tensor],
        read_estimator: Callable[["Reader", Any], Any] | None = None,
    ):
        self.tensors = tensors
        self._read_estimator = read_estimator
        self.algorithm: Any = None
        self.device = "cpu"

    def read(self, value: Any) -> Any:
        """Turn JSON into a value."""
        if isinstance(value, list):
            return [self.read(item) for item in value]
        if not isinstance(value, dict):
            return value
        kind = value.get("$")
        if kind is None:
            return {key: self.read(item) for key, item in value.items()}
        if kind in _COMPONENTS:
            return self._component(kind, value)
        if kind not in _READERS:
            raise LoadError(f"It holds a value of the unknown type {kind!r}.")
        return _READERS[kind](self, value)

    def _take(self, name: Any) -> torch.Tensor:
        """Return a tensor, which a file names once: copies of it cost memory."""
        if name not in self.tensors:
            raise LoadError(f"It has no tensor {name!r}, or names it twice.")
        return self.tensors.pop(name)

    def _scalar(self, value: dict) -> Any:
        array = self.read(value["array"])
        if not isinstance(array, np.ndarray) or array.ndim:
            raise LoadError("It holds a scalar that is none.")
        return array[()]

    def _array(self, value: dict) -> np.ndarray:
        dtype = np.dtype(value["dtype"])
        native = self._take(value["name"]).numpy()
        if dtype.kind in _TIMES and native.dtype == np.int64:
            return native.view(dtype.newbyteorder("=")).astype(dtype)
        if dtype.newbyteorder("=") != native.dtype:
            raise LoadError(f"It takes {native.dtype} numbers for {dtype}.")
        return native.astype(dtype)

    def _items(self, value: dict) -> np.ndarray:
        name, items = value["dtype"], list(value["items"])
        dtype = {"object": np.dtype(object), "text": StringDType()}.get(name)
        if dtype is None:
            dtype = np.dtype(name)
            at_most = 8
            if dtype.kind == "U":
                longest = max((len(item) for item in items), default=0)
                at_most = 4 * max(longest, _SPARE_WIDTH)
            if dtype.kind not in _SCALARS + "U" or dtype.itemsize > at_most:
                raise LoadError(f"It holds items that are no {dtype}.")
        flat = np.empty(len(items), dtype=dtype)
        for place, item in enumerate(items):
            flat[place] = self.read(item)
        return flat.reshape(value["shape"])

    def _tensor(self, value: dict) -> torch.Tensor:
        # A copy begins where torch begins its own tensors, not anywhere in the file.
        return self._take(value["name"]).to(self.device, copy=True)

    def _tuple(self, value: dict) -> tuple:
        return tuple(self.read(item) for item in value["items"])

    def _named(self, value: dict) -> tuple:
        cls = state_class(self.algorithm, value["name"])
        if cls is None:
            raise LoadError(f"{self.algorithm} does not know {value['name']!r}.")
        # A state may know how to read files in which it had fewer parts.
        return getattr(cls, "of_items", cls)(*self._tuple(value))

    def _dict(self, value: dict) -> dict:
        return {self.read(key): self.read(item) for key, item in value["items"]}

    def _frame(self, value: dict) -> Any:
        try:
            from pandas import DataFrame
        except ImportError as error:
            raise LoadError("It holds tables of pandas: install it.") from error
        columns = {self.read(name): self.read(own) for name, own in value["columns"]}
        if not all(isinstance(own, np.ndarray) for own in columns.values()):
            raise LoadError("It holds a table whose columns are none.")
        return DataFrame(columns)

    def _estimator(self, value: dict) -> Any:
        if self._read_estimator is None:
            raise LoadError("It holds an estimator where none belongs.")
        return self._read_estimator(self, value["content"])

    def _timestamp(self, value: dict) -> Any:
        try:
            from pandas import Timestamp
        except ImportError as error:
            raise LoadError("It names tasks by pandas' times: install it.") from error
        return Timestamp(value["is"])

    def _random_state(self, value: dict) -> np.random.RandomState:
        state = self.read(value["state"])
        check_random_state(state)
        random_state = np.random.RandomState()
        random_state.set_state(state)
        return random_state

    def _optimizer(self, value: dict) -> type:
        found = _optimizer(value["name"])
        if found is None:
            raise LoadError(f"torch.optim has no optimizer {value['name']!r}.")
        return found

    def _partial(self, value: dict) -> functools.partial:
        of = value["of"]
        if not isinstance(of, dict) or of.get("$") != "optimizer":
            raise LoadError("It holds a function that is no optimizer.")
        return functools.partial(self.read(value["of"]), **self.read(value["with"]))

    def _component(self, kind: str, value: dict) -> Any:
        name, home = value["name"], value["distribution"]
        try:  # a built-in is found without loading any plugin
            entry = plugins.entry(kind, f"{home}:{name}")
        except ValueError:
            raise LoadError(_missing(kind, name, home, value["version"])) from None
        return entry.cls(**self.read(value["params"]))


_READERS = {
    "scalar": Reader._scalar,
    "float": lambda self, value: float(value["is"]),
    "array": Reader._array,
    "items": Reader._items,
    "tensor": Reader._tensor,
    "tuple": Reader._tuple,
    "named": Reader._named,
    "dict": Reader._dict,
    "frame": Reader._frame,
    "estimator": Reader._estimator,
    "timestamp": Reader._timestamp,
    "datetime": lambda self, value: datetime.datetime.fromisoformat(value["is"]),
    "date": lambda self, value: datetime.date.fromisoformat(value["is"]),
    "device": lambda self, value: torch.device(value["is"]),
    "RandomState": Reader._random_state,
    "optimizer": Reader._optimizer,
    "partial": Reader._partial,
}


def check_random_state(state: Any) -> None:
    """Refuse a state of a RandomState with which it would read beyond its memory.

    Raises
    ------
    LoadError
        If it is not of the kind that a file keeps, or out of its range.
    """
    own = state["state"]
    key, position = np.asarray(own["key"]), own["pos"]
    if (
        state["bit_generator"] != _GENERATOR
        or key.shape != (624,)
        or key.dtype.kind != "u"
        or type(position) is not int
        or not 0 <= position <= len(key)
    ):
        raise LoadError("It holds a RandomState that is in no state.")


def _optimizer(name: str) -> type | None:
    """Return an optimizer of torch itself, and nothing else that it holds."""
    found = getattr(torch.optim, name, None) if isinstance(name, str) else None
    known = isinstance(found, type) and issubclass(found, torch.optim.Optimizer)
    return found if known else None


def _missing(kind: str, name: str, home: str, version: str) -> str:
    broken = [str(each) for each in plugins.failures() if each.distribution == home]
    if broken:
        return f"It needs the {kind} {name!r}, and {broken[0]}."
    if not version and home != hookspecs.PROJECT:
        return (
            f"It needs the {kind} {name!r} of the plugin {home!r}, which the process "
            "that saved it had registered by itself: call skmeta.plugins.register with "
            "it before load."
        )
    exact = f"=={version}" if version else ""
    return (
        f"It needs the {kind} {name!r} of {home} {version}, which is not installed "
        f"here: pip install '{home}{exact}'."
    )
