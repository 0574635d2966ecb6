"""Estimators to a file and back."""

import copy
import os
from contextvars import ContextVar
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from skmeta.engine.rejection import Rejection
from skmeta.exceptions import LoadError
from skmeta.saving.adapted import read_adapted, write_adapted
from skmeta.saving.file import pack, unpack
from skmeta.saving.kinds import HOMES, TRUSTED_TYPES, is_kind, kind
from skmeta.saving.meta_learners import read_meta, write_meta
from skmeta.saving.plain import read_plain, write_plain
from skmeta.saving.routing import read_routing, write_routing
from skmeta.saving.values import Reader, Writer
from skmeta.tables.prior import Prior
from skmeta.tables.priors import Priors
from skmeta.utils.devices import check_device
from skmeta.utils.files import replace_file
from skmeta.utils.messages import listed

__all__ = [
    "estimator_reader",
    "estimator_writer",
    "from_state",
    "load",
    "pack_estimator",
    "save",
    "to_state",
    "write_inside",
]

# Whether the file that is being written holds supports. A member inside a Pipeline gets
# there by skops, which asks for its state without a word of it.
_wants_supports: ContextVar[bool] = ContextVar("_wants_supports", default=False)


def save(estimator: Any, path: str | os.PathLike, *, supports: bool = False) -> None:
    """Write a fitted estimator of skmeta to a file.

    Parameters
    ----------
    estimator : MetaClassifier, MetaRegressor, an ensemble or few-shot estimator of them
        Fitted, with the tasks it is adapted to.
    path : str or path-like
        One file. It is written as a whole or not at all.
    supports : bool, default=False
        Write the rows that the current tasks were learnt from as well, so that
        ``partial_adapt`` can add others to them after :func:`load`. They may be
        private. What tasks have learnt is in the file in any case, and some algorithms,
        such as "gp" and "matching", learn rows by heart.

    Raises
    ------
    SaveError
        If a parameter is an object whose class no plugin has registered, or if
        supports are to be written that are not there. Nothing is written.

    Warns
    -----
    UserWarning
        If ``callbacks`` are left out, as objects of any class; they serve training, as
        those of ``set_callbacks`` do, which are left out without a word.

    Examples
    --------
    >>> import tempfile, skmeta
    >>> from skmeta.datasets import make_sinusoids
    >>> X, y, task = make_sinusoids(n_tasks=20, n_rows=20, random_state=0)
    >>> meta = skmeta.MetaRegressor("maml", max_epochs=1, random_state=0)
    >>> meta = meta.fit(X, y, groups=task).adapt(X[:5], y[:5])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     skmeta.save(meta, f"{folder}/waves.skmeta")
    ...     again = skmeta.load(f"{folder}/waves.skmeta")
    >>> bool((again.predict(X[5:9]) == meta.predict(X[5:9])).all())
    True
    """
    check_is_fitted(estimator)
    replace_file(path, pack_estimator(estimator, supports=supports))


def load(path: str | os.PathLike, *, device: str | None = None) -> Any:
    """Read an estimator that :func:`save` has written.

    No code of the file is run: it has none. The optimizer's memory is not in it, so
    that ``partial_fit`` and ``warm_start`` begin with a new optimizer. Parameters that
    speak of the machine and not of what is learnt are as by default: ``accelerate``,
    ``callbacks``, ``checkpoint_dir`` and ``device``.

    A file of a stranger takes no more memory than a few times its size, and what is in
    it is looked through: sizes, ranges and the shapes of weights agree, or it is
    refused.

    Parameters
    ----------
    path : str or path-like
        The file.
    device : str or torch.device, default=None
        Where torch computes from now on; on the CPU by default, wherever it was
        trained.

    Returns
    -------
    object
        The fitted estimator.

    Raises
    ------
    LoadError
        If the file is damaged, of a later format or not of skmeta; or if a plugin is
        missing, which the message names.
    ValueError
        If this machine has no such device.
    """
    if device is not None:
        check_device(device)
    data = Path(path).read_bytes()
    try:
        return _unpack_estimator(data, device=device)
    except LoadError as error:
        raise LoadError(
            f"Cannot load {os.fspath(path)!r}. {error}"
        ) from error.__cause__


def pack_estimator(estimator: Any, *, supports: bool = False) -> bytes:
    """Return the bytes of an estimator's file."""
    writer = estimator_writer()
    writer.supports = supports
    token = _wants_supports.set(supports)
    try:
        content = _write_estimator(writer, estimator, "")
    finally:
        _wants_supports.reset(token)
    return pack({"estimator": content}, writer.tensors)


def estimator_writer() -> Writer:
    """Return a writer that knows estimators, strategies and priors among values."""
    return Writer(write_inside)


def estimator_reader(
    tensors: dict[str, torch.Tensor], device: str | None = None
) -> Reader:
    """Return a reader of what :func:`estimator_writer` writes."""
    return Reader(tensors, lambda reader, own: _read_inside(reader, own, device))


def _unpack_estimator(data: bytes, device: str | None = None) -> Any:
    """Return the estimator of a file's bytes."""
    document, tensors = unpack(data)
    reader = estimator_reader(tensors, device)
    try:
        return _read_estimator(reader, document["estimator"], device)
    except LoadError:
        raise
    except Exception as error:  # a forged file finds them all
        raise LoadError(
            f"Its contents do not fit together ({type(error).__name__}: {error})."
        ) from error


def _write_estimator(writer: Writer, estimator: Any, root: str) -> dict:
    """Write an estimator of a kind that files hold."""
    if not is_kind(type(estimator)):
        raise TypeError(
            f"save keeps {listed([*HOMES])} themselves, and "
            f"{type(estimator).__name__} may be anything. Use joblib or pickle."
        )
    if _is_few_shot(type(estimator)):
        return _write_few_shot(writer, estimator)
    if _is_ensemble(type(estimator)):
        return _write_ensemble(writer, estimator, root)
    return write_meta(writer, estimator, root)


def _read_estimator(reader: Reader, content: dict, device: str | None) -> Any:
    cls = kind(content["class"])
    if _is_few_shot(cls):
        return _read_few_shot(reader, content, device)
    if _is_ensemble(cls):
        return _read_ensemble(reader, content)
    return read_meta(reader, content, device)


def write_inside(writer: Writer, value: Any, where: str) -> dict | None:
    """Write an estimator inside another; None for what is no estimator."""
    if is_kind(type(value)):
        return _write_estimator(writer, value, f"{where}.")
    if isinstance(value, Priors):
        return {"priors": writer.write(value.targets, where)}
    if isinstance(value, Prior):
        parts = value.__getstate__()
        if value.trust is None:  # as before there was one, so that all can read it
            del parts["trust"]
        return {"prior": {k: writer.write(v, where) for k, v in parts.items()}}
    if isinstance(value, Rejection):
        learnt = vars(value).items()
        return {"rejection": {k: writer.write(v, where) for k, v in learnt}}
    return write_plain(writer, value, TRUSTED_TYPES, where)


def _read_inside(reader: Reader, content: dict, device: str | None) -> Any:
    if "class" in content:
        return _read_estimator(reader, content, device)
    if "priors" in content:
        return Priors(reader.read(content["priors"]))
    if "prior" in content:
        return Prior(**{k: reader.read(v) for k, v in content["prior"].items()})
    if "rejection" in content:
        learnt = content["rejection"].items()
        return Rejection(**{k: reader.read(v) for k, v in learnt})
    return read_plain(reader, content, TRUSTED_TYPES)


def _is_few_shot(cls: type) -> bool:
    return "meta" in signature(cls).parameters


def _is_ensemble(cls: type) -> bool:
    return "estimators" in signature(cls).parameters


# Few-shot estimators ----------------------------------------------------------------


def _write_few_shot(writer: Writer, few_shot: Any) -> dict:
    content = {
        "class": type(few_shot).__name__,
        "meta": _write_estimator(writer, few_shot.meta, "meta."),
        "params": {
            name: writer.write(value, name)
            for name, value in few_shot.get_params(deep=False).items()
            if name != "meta"
        },
    }
    if not hasattr(few_shot, "learner_"):
        return content
    if own := few_shot._learnt():
        content["task"] = {k: writer.write(v, k) for k, v in own.items()}
    learner = few_shot.learner_
    module = getattr(few_shot.meta, "module_", None)
    if module is None or learner.module_ is not module:  # another was set meanwhile
        return {**content, "learner": _write_estimator(writer, learner, "learner.")}
    learnt = {"classes_": learner.classes_} if hasattr(learner, "classes_") else {}
    return {
        **content,
        "learnt": {k: writer.write(v, f"learner.{k}") for k, v in learnt.items()},
        **write_adapted(writer, learner.adapted_, "learner.adapted_"),
    }


def _read_few_shot(reader: Reader, content: dict, device: str | None) -> Any:
    meta = _read_estimator(reader, content["meta"], device)
    few_shot = kind(content["class"])(meta, **reader.read(content.get("params", {})))
    if "learner" in content:
        learner = _read_estimator(reader, content["learner"], device)
    elif "adapted" in content:
        learner = copy.copy(meta)
        if "classes_" in content["learnt"]:
            learner.classes_ = reader.read(content["learnt"]["classes_"])
        learner.adapted_ = read_adapted(reader, content, learner)
    else:
        return few_shot
    few_shot._set_learner(learner)
    few_shot._take_learnt(
        {k: reader.read(v) for k, v in content.get("task", {}).items()}
    )
    return few_shot


# Ensembles --------------------------------------------------------------------------


def _write_ensemble(writer: Writer, ensemble: Any, root: str) -> dict:
    given = ensemble.get_params(deep=False)
    content = {
        "class": type(ensemble).__name__,
        "params": {k: writer.write(v, f"{root}{k}") for k, v in given.items()},
        "routing": write_routing(ensemble),
    }
    if not ensemble.__sklearn_is_fitted__():
        return content
    parts = ensemble._parts(supports=writer.supports)
    return {**content, "learnt": writer.write(parts, f"{root}learnt")}


def _read_ensemble(reader: Reader, content: dict) -> Any:
    ensemble = kind(content["class"])(**reader.read(content["params"]))
    read_routing(ensemble, content["routing"])
    if "learnt" in content:
        ensemble._take_parts(reader.read(content["learnt"]))
    return ensemble


# skops ------------------------------------------------------------------------------


def to_state(estimator: Any) -> dict:
    """Return a state that is made of nothing but an array of bytes."""
    data = pack_estimator(estimator, supports=_wants_supports.get())
    return {"skmeta": np.frombuffer(data, dtype=np.uint8).copy()}


def from_state(estimator: Any, state: dict) -> None:
    """Take over what :func:`to_state` returned."""
    read = _unpack_estimator(state["skmeta"].tobytes())
    if type(read) is not type(estimator):
        raise LoadError(f"It holds a {type(read).__name__} of another name.")
    vars(estimator).update(vars(read))
