"""Estimators to a file and back."""

import copy
import os
from contextvars import ContextVar
from dataclasses import replace
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from skmeta.engine.adapted import AdaptedTasks
from skmeta.engine.changes import without_gaps
from skmeta.engine.rejection import Rejection
from skmeta.engine.supports import Supports
from skmeta.engine.training import build
from skmeta.episodes.spec import Spec
from skmeta.exceptions import LoadError, SaveError
from skmeta.saving.checks import (
    check_adapted,
    check_history,
    check_learnt,
    check_names,
    check_supports,
)
from skmeta.saving.file import pack, unpack
from skmeta.saving.kinds import HOMES, TRUSTED_TYPES, is_kind, kind
from skmeta.saving.names import (
    ADAPTED,
    CALIBRATION,
    FITTED,
    LABELS,
    SPEC,
    SUPPORTS,
)
from skmeta.saving.plain import read_plain, write_plain
from skmeta.saving.values import Reader, Writer
from skmeta.saving.weights import check_weights, for_weights
from skmeta.tables.labels import TaskLabels
from skmeta.tables.prior import Prior
from skmeta.tables.priors import Priors
from skmeta.utils.devices import check_device
from skmeta.utils.files import replace_file
from skmeta.utils.messages import listed, warn
from skmeta.utils.random import seeded

__all__ = [
    "LEFT_OUT",
    "estimator_reader",
    "estimator_writer",
    "from_state",
    "load",
    "pack_estimator",
    "read_adapted",
    "save",
    "to_state",
    "write_adapted",
    "write_inside",
]

# Parameters that no file brings back: they are of a machine, or lead out of the file.
LEFT_OUT = frozenset({"accelerate", "callbacks", "checkpoint_dir", "device"})

# Attributes that are written in a way of their own.
_PARTS = ("net_", "module_", "history_", "spec_", "adapted_", "calibration_")
_PARTS += ("_metadata_request",)
_PARTS += ("_training_groups",)  # may be names of people, and serve a message alone
# What set_callbacks of scikit-learn has left: of any class, and for fit alone.
_PARTS += ("_skl_callbacks", "_skl_callbacks_to_teardown", "_callback_fit_ctx")

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
    return _write_meta(writer, estimator, root)


def _read_estimator(reader: Reader, content: dict, device: str | None) -> Any:
    cls = kind(content["class"])
    if _is_few_shot(cls):
        return _read_few_shot(reader, content, device)
    if _is_ensemble(cls):
        return _read_ensemble(reader, content)
    return _read_meta(reader, content, device)


def write_inside(writer: Writer, value: Any, where: str) -> dict | None:
    """Write an estimator inside another; None for what is no estimator."""
    if is_kind(type(value)):
        return _write_estimator(writer, value, f"{where}.")
    if isinstance(value, Priors):
        return {"priors": writer.write(value.targets, where)}
    if isinstance(value, Prior):
        parts = value.__getstate__().items()
        return {"prior": {k: writer.write(v, where) for k, v in parts}}
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


# Meta-learners ----------------------------------------------------------------------


def _write_meta(writer: Writer, meta: Any, root: str) -> dict:
    given = meta.get_params(deep=False)
    for name in LEFT_OUT - {"callbacks"}:
        given[name] = _default(type(meta), name)
    if given.get("callbacks"):
        names = ", ".join(
            type(each[-1] if isinstance(each, tuple) else each).__name__
            for each in given["callbacks"]
        )
        warn(
            f"The callbacks ({names}) are not saved: they may be of any class, and "
            "they have done their work in fit.",
        )
        given["callbacks"] = None
    content = {
        "class": type(meta).__name__,
        "params": {k: writer.write(v, f"{root}{k}") for k, v in given.items()},
        "routing": _routing(meta),
    }
    if not hasattr(meta, "module_"):
        return content
    learnt = {key: attr for key, attr in FITTED.items() if attr in vars(meta)}
    known = {*given, *learnt.values(), *_PARTS}
    # What a user has hung on it goes by its own name.
    learnt |= {name: name for name in vars(meta) if name not in known}
    writer.algorithm = meta.algorithm_
    if meta._calibration().is_ready:
        parts = meta.calibration_.parts()
        content["calibration"] = {
            key: writer.write(parts[name], f"{root}calibration_.{key}")
            for key, name in CALIBRATION.items()
        }
    return {
        **content,
        "fitted": {
            key: writer.write(vars(meta)[name], f"{root}{key}")
            for key, name in sorted(learnt.items())
        },
        "spec": _write_spec(meta.spec_),
        "history": writer.write([*meta.history_], f"{root}history_"),
        "weights": writer.write(dict(meta.module_.state_dict()), f"{root}module_"),
        **write_adapted(writer, meta.adapted_, f"{root}adapted_"),
    }


def _read_meta(reader: Reader, content: dict, device: str | None) -> Any:
    cls = kind(content["class"])
    given = {"prior": None} | reader.read(content["params"])  # format 1 has none
    given |= {name: _default(cls, name) for name in LEFT_OUT}
    if device is not None:
        given["device"] = device
    meta = cls(**given)
    _set_routing(meta, content["routing"])
    if "weights" not in content:
        return meta
    learnt = {FITTED.get(key, key): v for key, v in content["fitted"].items()}
    check_names(learnt, meta, {*given, *_PARTS})
    for name, value in learnt.items():
        setattr(meta, name, reader.read(value))
    for name, earlier in (  # as in format 1
        ("prior_", None),
        ("n_shot_", meta.n_shot),
        ("n_query_", meta.n_query),
    ):
        if not hasattr(meta, name):
            setattr(meta, name, earlier)
    meta.spec_ = Spec(**{SPEC[key]: value for key, value in content["spec"].items()})
    check_learnt(meta)
    weights = reader.read(content["weights"])
    check_weights(partial(build, meta.algorithm_, meta.backbone_, meta.spec_), weights)
    meta.net_ = meta._make_net(validates=False)
    with seeded(0), for_weights():  # what is drawn is overwritten
        meta.net_.initialize()
    meta.module_ = meta.net_.module_
    meta.module_.load_state_dict(weights)
    meta.module_.eval()
    meta.net_.history.extend(check_history(reader.read(content["history"])))
    meta.history_ = meta.net_.history
    if "calibration" in content:
        known = reader.read(content["calibration"])
        meta._take_calibration({CALIBRATION[key]: own for key, own in known.items()})
    reader.algorithm, reader.device = meta.algorithm_, meta.device
    meta.adapted_ = read_adapted(reader, content, meta)
    return meta


def _write_spec(spec: Spec) -> dict:
    content = {key: getattr(spec, name) for key, name in SPEC.items()}
    # Earlier versions do not know that there may be more.
    if spec.n_targets == 1:
        del content["n_targets"]
    for name in ("fixed_split", "of_images"):
        if not getattr(spec, name):
            del content[name]
    return content


def _default(cls: type, name: str) -> Any:
    return signature(cls).parameters[name].default


def _routing(meta: Any) -> dict:
    """Return what set_*_request was told, by method."""
    if not hasattr(meta, "_metadata_request"):
        return {}
    requests = meta._metadata_request
    methods = [
        name for name, part in vars(requests).items() if hasattr(part, "requests")
    ]
    return {method: dict(getattr(requests, method).requests) for method in methods}


def _set_routing(meta: Any, routing: dict) -> None:
    if not routing:
        return
    requests = meta._get_metadata_request()
    for method, asked in routing.items():
        getattr(requests, method).requests.update(asked)
    meta._metadata_request = requests


def write_adapted(writer: Writer, adapted: AdaptedTasks | None, root: str) -> dict:
    """Write what was learnt of tasks, by ``writer.algorithm``."""
    if adapted is None:
        return {"adapted": None}
    adapted = without_gaps(adapted)
    parts = {key: getattr(adapted, name) for key, name in ADAPTED.items()}
    if adapted.labels is not None:
        parts["labels"] = {
            key: getattr(adapted.labels, name) for key, name in LABELS.items()
        }
    content = {"adapted": {k: writer.write(v, f"{root}.{k}") for k, v in parts.items()}}
    if writer.supports and not adapted.has_no_row:
        supports = Supports.join(_all_supports(adapted))
        for part, rows in (
            ("supports", supports),
            ("unlabelled", supports.unlabelled),
        ):
            if rows is not None:
                content[part] = {
                    key: writer.write(getattr(rows, name), f"{root}.{part}.{key}")
                    for key, name in SUPPORTS.items()
                }
    return content


def _all_supports(adapted: AdaptedTasks) -> list[Supports]:
    kept = []
    for tasks, learnt in adapted.learnt():
        if learnt.supports is not None:
            kept.append(learnt.supports)
        elif adapted.n_rows is None or adapted.n_rows[tasks].any():
            raise SaveError(
                "The rows that the current tasks were learnt from are not here to be "
                "saved: the estimator comes from a file without them. Call adapt with "
                "these rows, or leave supports=True out."
            )
        else:  # the prior
            kept.append(Supports.of_no_row(len(tasks)))
    return kept


def read_adapted(reader: Reader, content: dict, meta: Any) -> AdaptedTasks | None:
    """Return what :func:`write_adapted` has written, checked against its learner."""
    if content["adapted"] is None:
        return None
    parts = reader.read(content["adapted"])
    labels = parts.pop("labels", None)
    adapted = AdaptedTasks.__new__(AdaptedTasks)
    adapted.n_rows = None  # early files have none
    for key, part in parts.items():
        setattr(adapted, ADAPTED[key], part)
    adapted.labels = None
    if labels is not None:
        adapted.labels = TaskLabels(**{LABELS[key]: v for key, v in labels.items()})
    adapted.learner = meta._learner()
    adapted.supports = (None,) * len(adapted.states)
    check_adapted(adapted, meta)
    if "supports" in content:
        supports = _read_supports(reader, content["supports"])
        if "unlabelled" in content:
            others = _read_supports(reader, content["unlabelled"])
            supports = replace(supports, unlabelled=others)
        check_supports(supports, adapted, meta)
        tasks = np.split(np.arange(adapted.n_tasks), adapted.bounds[1:-1])
        adapted.supports = tuple(supports.take(own) for own in tasks)
    return adapted


def _read_supports(reader: Reader, content: dict) -> Supports:
    return Supports(**{SUPPORTS[k]: reader.read(v) for k, v in content.items()})


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
        "routing": _routing(ensemble),
    }
    if not ensemble.__sklearn_is_fitted__():
        return content
    parts = ensemble._parts(supports=writer.supports)
    return {**content, "learnt": writer.write(parts, f"{root}learnt")}


def _read_ensemble(reader: Reader, content: dict) -> Any:
    ensemble = kind(content["class"])(**reader.read(content["params"]))
    _set_routing(ensemble, content["routing"])
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
