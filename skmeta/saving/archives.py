"""Archives of skops: what estimators of scikit-learn may be made of.

skops looks through the types of an archive. What is looked through here is the rest:
sizes, positions in arrays that compiled code follows without a look, and folders that
an estimator would read pickles from.
"""

import io
import json
import math
import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.lib import format as array_format
from sklearn._loss import _loss
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.neighbors._base import NeighborsBase
from sklearn.svm._base import BaseLibSVM

from skmeta.exceptions import LoadError
from skmeta.saving.values import check_random_state

__all__ = ["check_archive", "check_built"]

# How skops makes things; others run methods, read more files or are not needed.
_MAKERS = {
    *("BytesNode", "CachedNode", "DTypeNode", "DefaultDictNode", "DictNode"),
    *("FunctionNode", "JsonNode", "ListNode", "LossNode", "NdArrayNode", "ObjectNode"),
    *("PartialNode", "RandomGeneratorNode", "RandomStateNode", "SetNode", "SliceNode"),
    *("TupleNode", "TypeNode"),
}

# Rooms of scikit-learn whose estimators a file may bring. They read no other file.
_ROOMS = {
    *("_loss", "calibration", "compose", "covariance", "cross_decomposition"),
    *("decomposition", "discriminant_analysis", "dummy", "ensemble", "frozen"),
    *("feature_selection", "gaussian_process", "impute", "isotonic"),
    *("kernel_approximation", "kernel_ridge", "linear_model", "model_selection"),
    *("multiclass", "multioutput", "naive_bayes", "neighbors", "neural_network"),
    *("pipeline", "preprocessing", "random_projection", "svm"),
}
_OTHERS = {"builtins", "collections", "functools", "numpy", "scipy", "skmeta"}
_OF_UTILS = {"sklearn.utils._bunch.Bunch", "sklearn.utils.validation.check_array"}

# Losses that are compiled say that they are of "_loss" in scikit-learn 1.8, and where
# they are from 1.9 on; a file of one is read by the other.
_OF_LOSSES = {"_loss", "sklearn._loss._loss"}
_LOSSES = {
    name: each
    for name, each in vars(_loss).items()
    if name.startswith("Cy") and isinstance(each, type)
}

_SMALL = 2**12  # bytes of an array that may come more than once

_HEADERS = {
    (1, 0): array_format.read_array_header_1_0,
    (2, 0): array_format.read_array_header_2_0,
}


def check_archive(data: bytes) -> bytes:
    """Return an archive that is harmless to read, or refuse it.

    Parameters
    ----------
    data : bytes
        An archive of skops.

    Returns
    -------
    bytes
        The same, without the folders where Pipelines would cache.

    Raises
    ------
    LoadError
        If it is packed, has arrays larger than itself or holds what is not listed here.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = archive.infolist()
        packed = any(each.compress_type != zipfile.ZIP_STORED for each in entries)
        if packed or sum(each.file_size for each in entries) > len(data):
            raise LoadError("Its archive is larger than the file.")
        files = {each.filename: archive.read(each) for each in entries}
    schema = json.loads(files["schema.json"])
    # An array of many owners would be as many copies, unless they are one.
    owners: dict[str, Any] = {}
    visited: set[str] = set()
    for node in _nodes(schema):
        if node["__module__"] in _OF_LOSSES and node["__class__"] in _LOSSES:
            node["__module__"] = _LOSSES[node["__class__"]].__module__
        maker, name = node["__loader__"], f"{node['__module__']}.{node['__class__']}"
        if maker not in _MAKERS or not _is_listed(name):
            raise LoadError(f"It holds types that are not trusted: {name} ({maker}).")
        if "file" in node:
            given, known_as = node["file"], node.get("__id__")
            if len(files[given]) > _SMALL and (
                owners.setdefault(given, known_as) != known_as
                or (given in visited and known_as is None)
            ):
                raise LoadError(f"It names {given!r} twice.")
            visited.add(given)
            if maker == "NdArrayNode":
                _check_array(files[given])
        if maker == "NdArrayNode" and not _is_number(name):
            raise LoadError(f"It holds an array that is a {name}.")
        if maker in _SOURCES:
            for each in _nodes(node["content"]):
                each.pop("__id__", None)  # or another node could take its place
            _SOURCES[maker](node["content"], files)
        # A Pipeline would read pickles from there.
        attributes = node.get("content")
        if maker == "ObjectNode" and isinstance(attributes, dict):
            own = attributes.get("content")
            if isinstance(own, dict) and "memory" in own:
                own["memory"] = _NOTHING
    files["schema.json"] = json.dumps(schema).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


_NOTHING = {
    "__class__": "str",
    "__module__": "builtins",
    "__loader__": "JsonNode",
    "content": "null",
    "is_json": True,
}


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Go through all nodes of a schema, each before what is in it."""
    if isinstance(value, dict):
        if "__loader__" in value:
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _nodes(each)


def _is_listed(name: str) -> bool:
    if name in _OF_UTILS:
        return True
    first, _, rest = name.partition(".")
    if first == "_loss":
        return rest in _LOSSES
    return first in _OTHERS or (first == "sklearn" and rest.split(".")[0] in _ROOMS)


def _is_number(name: str) -> bool:
    cls = getattr(np, name.removeprefix("numpy."), None)
    return cls is np.ndarray or (
        isinstance(cls, type)
        and issubclass(cls, np.generic)
        and not issubclass(cls, np.void)
    )


def _check_array(data: bytes) -> None:
    file = io.BytesIO(data)
    shape, _, dtype = _HEADERS[array_format.read_magic(file)](file)
    n_bytes = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or n_bytes > len(data) - file.tell():
        raise LoadError("It has an array larger than itself.")


def _check_state(content: dict[str, Any], files: dict[str, bytes]) -> None:
    """Check a RandomState as it is written, before there is one."""
    state = content["content"]
    own = state["state"]["content"]
    key = np.load(io.BytesIO(files[own["key"]["file"]]), allow_pickle=False)
    check_random_state(
        {
            "bit_generator": _plain(state["bit_generator"]),
            "state": {"key": key, "pos": _plain(own["pos"])},
        }
    )


def _check_generator(content: dict[str, Any], files: dict[str, bytes]) -> None:
    """Check a Generator: others than NumPy's default follow positions, too."""
    name = _plain(content["bit_generator"]["content"]["bit_generator"])
    n_pooled = _plain(content["seed_seq"]["content"]["pool_size"])
    if name != "PCG64" or n_pooled > _POOL:
        raise LoadError(f"It holds random numbers of {name}.")


_SOURCES = {"RandomStateNode": _check_state, "RandomGeneratorNode": _check_generator}
_POOL = 64  # numbers of a seed; NumPy's own has 4


def _plain(node: dict[str, Any]) -> Any:
    if node["__loader__"] != "JsonNode":
        raise LoadError("It holds random numbers of no kind.")
    return json.loads(node["content"])


_BOOSTING = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)


def check_built(value: Any) -> None:
    """Refuse estimators whose compiled code would read beyond their arrays.

    Raises
    ------
    LoadError
        If positions in a fitted one are none of its own.
    """
    seen: set[int] = set()
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, _BOOSTING) and hasattr(each, "_predictors"):
            _check_trees(each)
        if isinstance(each, BaseLibSVM) and hasattr(each, "support_vectors_"):
            _check_vectors(each)
        if isinstance(each, NeighborsBase) and hasattr(each, "_fit_X"):
            _check_neighbors(each)
        if isinstance(each, np.ndarray):
            waiting += each.ravel().tolist() if each.dtype == object else []
        elif isinstance(each, (list, tuple, set)):
            waiting += each
        elif isinstance(each, dict):
            waiting += each.values()
        elif hasattr(each, "__dict__") and not isinstance(each, type):
            waiting += vars(each).values()


def _check_trees(model: Any) -> None:
    is_categorical = np.asarray(model._bin_mapper.is_categorical_)
    n_features = min(model.n_features_in_, len(is_categorical))
    for tree in (each for row in model._predictors for each in row):
        nodes = tree.nodes
        place = np.arange(len(nodes))
        inner = nodes["is_leaf"] == 0
        by_category = inner & (nodes["is_categorical"] != 0)
        ends = (
            (nodes["left"] > place)  # on and on down, or it would never end
            & (nodes["right"] > place)
            & (nodes["left"] < len(nodes))
            & (nodes["right"] < len(nodes))
            & (nodes["feature_idx"] >= 0)
            & (nodes["feature_idx"] < n_features)
        )
        sets = tree.raw_left_cat_bitsets
        known = nodes["bitset_idx"] < len(sets)
        if (
            not len(nodes)
            or sets.ndim != 2
            or sets.shape[1:] != (8,)
            or not ends[inner].all()
            or not known[by_category].all()
            or not is_categorical[nodes["feature_idx"][by_category]].all()
        ):
            raise LoadError("It holds a tree that leads nowhere.")


def _check_vectors(model: Any) -> None:
    vectors, support = np.asarray(model.support_vectors_), np.asarray(model.support_)
    n_support = np.asarray(model._n_support)
    n_vectors, n_classes = len(support), len(n_support)
    n_pairs = n_classes * (n_classes - 1) // 2
    classifies = model._impl in ("c_svc", "nu_svc")
    shape = (n_vectors, model.n_features_in_)
    if model.kernel == "precomputed":  # columns stand for rows, and none is kept
        shape = (0, 0)
        if n_vectors and not 0 <= support.min() <= support.max() < model.n_features_in_:
            raise LoadError("It holds support vectors that are none.")
    if (
        callable(model.kernel)
        or vectors.shape != shape
        or (n_support < 0).any()
        or (classifies and n_support.sum() != n_vectors)
        or np.shape(model._dual_coef_) != (max(n_classes - 1, 1), n_vectors)
        or np.shape(model._intercept_) != (max(n_pairs, 1),)
        or not {np.size(model._probA), np.size(model._probB)} <= {0, n_pairs}
    ):
        raise LoadError("It holds support vectors that are none.")


def _check_neighbors(model: Any) -> None:
    rows, targets = np.asarray(model._fit_X), getattr(model, "_y", None)
    if (
        rows.ndim != 2
        or not len(rows)
        or rows.shape[1] != model.n_features_in_
        or model.n_samples_fit_ != len(rows)
        or model._fit_method != "brute"
        or (targets is not None and len(targets) != len(rows))
    ):
        raise LoadError("It holds neighbours that are none.")
