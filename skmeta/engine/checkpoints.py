"""Checkpoints: what a killed meta-training needs to go on bit for bit."""

import copy
import hashlib
import inspect
import io
import json
import os
import pickle
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import joblib
import numpy as np
import torch
from sklearn.base import BaseEstimator
from skorch.callbacks import Callback
from torch import nn

from skmeta.exceptions import LoadError
from skmeta.tables.stored.sources import RowSource
from skmeta.utils.files import FolderLock, replace_file
from skmeta.utils.random import Generators

__all__ = ["Checkpoint", "KeepCheckpoint", "fingerprint"]

_NAME = "fit.checkpoint"

# A file is what torch reads, then what the fit is made of, the length of that, the
# checksum of all before it, and this. torch itself reads it as it is.
_MAGIC = b"skmeta-fit-0002\n"
_CHECKSUM_BYTES, _LENGTH_BYTES = hashlib.sha256().digest_size, 8

# What torch.load(weights_only=True) reads, with lists, tuples and dicts of it.
_PLAIN = {type(None), bool, int, float, str, bytes, torch.Tensor}

# What changes nothing in the weights, and may change between two starts.
_FREE = {
    "accelerate",
    "checkpoint_dir",
    "checkpoint_every",
    "verbose",
    "unknown_task",
}


class Checkpoint:
    """The file in which a training stands, and the training it belongs to.

    skorch's own ``Checkpoint`` and ``LoadInitState`` keep weights, optimizer and
    history, as one file each. Going on bit for bit takes the state of every callback
    and of every source of random numbers as well, all of the same moment.

    It is a context: inside, no other process trains in the folder.

    Parameters
    ----------
    folder : str or path-like
        Made if it is not there. Whoever can write in it can run code: what callbacks
        hold is a pickle where it is more than numbers, text and tensors.
    every : int
        Epochs from one checkpoint to the next.
    belongs_to : dict of str to str
        The :func:`fingerprint` of data and parameters.

    Raises
    ------
    ValueError
        If another fit is at work in the folder, or if its checkpoint is of other data
        or parameters.
    LoadError
        If the checkpoint is damaged, or of another version.
    """

    def __init__(self, folder: str | os.PathLike, every: int, belongs_to: dict):
        self.path = Path(folder) / _NAME
        self.every = every
        self.belongs_to = belongs_to
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = FolderLock(self.path.parent)
        if not self._lock.acquire():
            raise ValueError(
                f"Another fit is at work in checkpoint_dir={str(folder)!r}. Wait for "
                "it, or choose another folder: each fit needs its own."
            )
        try:
            for rest in self.path.parent.glob(f".{_NAME}.*"):  # of a kill in a write
                rest.unlink(missing_ok=True)
            self.saved = self._read()
        except BaseException:
            self._lock.release()
            raise
        self.first_random: Mapping[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def _read(self) -> dict | None:
        if not self.path.exists():
            return None
        mine, rest = self._open(self.path.read_bytes())
        differing = sorted(
            name
            for name in mine.keys() | self.belongs_to.keys()
            if mine.get(name) != self.belongs_to.get(name)
        )
        if differing:
            raise ValueError(
                f"{self.path} is the checkpoint of another fit, which differs in "
                f"{', '.join(differing)}. Go on with the same, choose another "
                "checkpoint_dir, or remove the file to train from the start."
            )
        try:
            return torch.load(io.BytesIO(rest), map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises any kind of them
            raise self._unreadable(type(error).__name__) from error

    def _open(self, data: bytes) -> tuple[dict[str, str], bytes]:
        """Check a file; return what it belongs to, and what torch reads."""
        if not data.endswith(_MAGIC):
            raise self._unreadable("it is damaged, or of another kind or version")
        end = len(data) - len(_MAGIC) - _CHECKSUM_BYTES
        if hashlib.sha256(data[:end]).digest() != data[end : -len(_MAGIC)]:
            raise self._unreadable("its contents do not agree with its checksum")
        last = end - _LENGTH_BYTES
        begin = last - int.from_bytes(data[last:end], "little")
        return json.loads(data[begin:last]), data[:begin]

    def _unreadable(self, reason: str) -> LoadError:
        return LoadError(
            f"{self.path} is not a checkpoint that can be read here ({reason}). Remove "
            "it to train from the start."
        )

    @property
    def n_epochs(self) -> int:
        """Epochs that are done."""
        return self.saved["n_epochs"] if self.saved else 0

    def start(self, rng: np.random.Generator) -> None:
        """Let the random numbers of a fit be those of its first start."""
        if self.saved:
            rng.bit_generator.state = self.saved["first_random"]
        self.first_random = rng.bit_generator.state

    def write(self, state: dict) -> None:
        """Replace the file, or leave the old one if there is no time for it."""
        buffer = io.BytesIO()
        torch.save({"first_random": self.first_random, **state}, buffer)
        own = json.dumps(self.belongs_to).encode()
        data = buffer.getvalue() + own + len(own).to_bytes(_LENGTH_BYTES, "little")
        replace_file(self.path, data + hashlib.sha256(data).digest() + _MAGIC)

    def remove(self) -> None:
        """Remove the file: the training is over."""
        self.path.unlink(missing_ok=True)


class KeepCheckpoint(Callback):
    """Write a checkpoint after an epoch, and go on from the last one.

    It must be the last of the callbacks, to see what the others made of an epoch.

    Parameters
    ----------
    checkpoint : Checkpoint
        Where the training stands.
    rng : numpy.random.Generator
        Source of the episodes.
    generators : dict of str to Generators or torch.Generator
        Sources of torch's numbers, by what they are for.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        rng: np.random.Generator,
        generators: Mapping[str, Generators | torch.Generator],
    ):
        self.checkpoint = checkpoint
        self.rng = rng
        self.generators = generators

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Set everything as it was when the checkpoint was written."""
        saved = self.checkpoint.saved
        if saved is None:
            return
        net.module_.load_state_dict(saved["module"])
        net.optimizer_.load_state_dict(saved["optimizer"])
        net.history[:] = _unpack(*saved["history"])
        callbacks = dict(self._others(net))
        for name, state in saved["callbacks"].items():
            if name in callbacks:  # a progress bar may be there in one start alone
                _restore(callbacks[name], state)
        self.rng.bit_generator.state = saved["random"]["numpy"]
        for name, each in self.generators.items():
            each.set_state(saved["random"][name])
        self.checkpoint.saved = None  # frees the memory

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Write a checkpoint if it is time."""
        n_epochs = net.n_epochs
        if n_epochs % self.checkpoint.every:
            return
        self.checkpoint.write(
            {
                "n_epochs": n_epochs,
                "module": net.module_.state_dict(),
                "optimizer": net.optimizer_.state_dict(),
                "history": _pack(net.history.to_list()),
                "callbacks": {name: _state(each) for name, each in self._others(net)},
                "random": self._random(net),
            }
        )

    def _random(self, net: Any) -> dict[str, Any]:
        """Return where the sources of random numbers are."""
        random: dict[str, Any] = {"numpy": self.rng.bit_generator.state}
        return random | {n: each.get_state() for n, each in self.generators.items()}

    def _others(self, net: Any) -> list[tuple[str, Callback]]:
        return [pair for pair in net.callbacks_ if pair[1] is not self]


def _state(callback: Callback) -> dict[str, tuple[str, Any]]:
    """Return what a callback has come to, as far as it can be kept.

    Its constructor's arguments are given anew. So is what a pickle cannot hold, such as
    the bar of a progress: the callback has made another one when training begins.
    """
    given: set[str] = set()
    for cls in type(callback).__mro__[:-1]:
        init: Any = cls.__init__  # type: ignore[misc]  # cls is a class
        given |= inspect.signature(init).parameters.keys()
    state = {}
    for name, value in vars(callback).items():
        if name in given:
            continue
        is_object = not isinstance(value, type)
        if is_object and hasattr(value, "load_state_dict"):  # such as a schedule
            state[name] = ("state_dict", copy.deepcopy(value.state_dict()))
            continue
        try:
            state[name] = _pack(value)
        except Exception:  # what a class raises when it is pickled is its own
            continue
    return state


def _restore(callback: Callback, state: dict[str, tuple[str, Any]]) -> None:
    for name, (how, value) in state.items():
        if how == "state_dict":
            getattr(callback, name).load_state_dict(value)
        else:
            setattr(callback, name, _unpack(how, value))


def _pack(value: Any) -> tuple[str, Any]:
    """Return a value as torch reads it without running anything, else as a pickle."""
    plain = _without_numpy(value)
    return ("plain", plain) if _is_plain(plain) else ("pickle", pickle.dumps(value))


def _is_plain(value: Any) -> bool:
    if type(value) in (list, tuple):
        return all(map(_is_plain, value))
    if type(value) in (dict, OrderedDict):
        return all(map(_is_plain, [*value, *value.values()]))
    return type(value) in _PLAIN


def _unpack(how: str, value: Any) -> Any:
    return value if how == "plain" else pickle.loads(value)


def _without_numpy(value: Any) -> Any:
    """Make Python's own numbers of numpy's, which torch takes for foreign objects."""
    if isinstance(value, np.generic):
        return value.item()
    if type(value) in (list, tuple):
        return type(value)(map(_without_numpy, value))
    if type(value) is dict:
        return {key: _without_numpy(each) for key, each in value.items()}
    return value


def fingerprint(
    parameters: Mapping[str, Any], data: Mapping[str, Any]
) -> dict[str, str]:
    """Tell in short what a fit is made of.

    Parameters
    ----------
    parameters : mapping of str to object
        From ``get_params``.
    data : mapping of str to object
        What is trained on.

    Returns
    -------
    dict of str to str
        The same in another process for the same parameters and data.
    """
    texts = {name: _text(v) for name, v in parameters.items() if name not in _FREE}
    return texts | {name: _contents(value) for name, value in data.items()}


def _contents(value: Any) -> str:
    on_disk = isinstance(value, RowSource)
    return value.fingerprint() if on_disk else str(joblib.hash(value))


def _arguments(value: BaseEstimator | Callback) -> dict[str, Any]:
    given = value.get_params(deep=False)
    names = inspect.signature(type(value).__init__).parameters
    if any(each.kind is each.VAR_KEYWORD for each in names.values()):
        return given  # any attribute may be one
    return {name: each for name, each in given.items() if name in names}


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, (BaseEstimator, Callback)):
        inner = _arguments(value)
        shown = ", ".join(f"{name}={_text(each)}" for name, each in inner.items())
        return f"{type(value).__qualname__}({shown})"
    if value is None or isinstance(value, (bool, int, float, str, torch.device)):
        return repr(value)
    if isinstance(value, nn.Module):  # a network that was given, with its weights
        weights = {k: w.cpu().numpy() for k, w in value.state_dict().items()}
        return f"{value!r} {joblib.hash(weights)}"
    if hasattr(value, "keywords"):  # functools.partial
        return f"{_text(value.func)}(**{sorted(value.keywords.items())})"
    named = value if isinstance(value, type) or callable(value) else type(value)
    return getattr(named, "__qualname__", type(value).__qualname__)
