"""Write an adapted task, or a meta-learner, as a file that ONNX runtimes answer by."""

import copy
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from typing import Any, Literal

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import nn

from skmeta._version import __version__
from skmeta.estimators.base import BaseMetaEstimator
from skmeta.estimators.classes import labels_of
from skmeta.estimators.few_shot.base import BaseFewShotEstimator
from skmeta.estimators.few_shot.classifier import FewShotClassifier
from skmeta.nn import Pieces
from skmeta.onnx.checks import check_labels, check_written, warn_if_lost
from skmeta.onnx.graph import OfSupport, OfTask, Scale, Targets
from skmeta.tables.sample_weights import label_weights
from skmeta.utils.messages import silenced

__all__ = ["prior_answers", "to_onnx"]

_INSTALL = 'Writing ONNX needs packages of its own: pip install "skmeta[onnx]"'
_OPSET = 18


def to_onnx(
    estimator: Any,
    path: str | os.PathLike[str] | None = None,
    *,
    group: Any = None,
    with_support: bool = False,
    n_classes: int | None = None,
    dtype: Literal["float32", "float64"] = "float32",
) -> Any:
    """Write what answers rows as a graph of ONNX, which needs no Python to run.

    By default a task that was adapted to: raw rows in, answers out. ``with_support``
    writes the meta-learner itself, which gets the support with every call.

    Parameters
    ----------
    estimator : MetaClassifier, MetaRegressor, FewShotClassifier or FewShotRegressor
        Fitted, and adapted unless ``with_support``.
    path : str or path-like, default=None
        File to write; None for none.
    group : label, default=None
        Which of several tasks that were adapted to.
    with_support : bool, default=False
        Write the meta-learner with its support as input. It is for algorithms that
        learn a task by what ONNX has, such as "protonet", and "maml" on linear layers
        with ReLU; "gp" and others solve equations, which it has not.
    n_classes : int, default=None
        Classes of a task, needed ``with_support`` where labels are names inside tasks.
    dtype : {"float32", "float64"}, default="float32"
        In which rows are given to the graph. What is small beside how far it is from 0,
        such as seconds since 1970, needs the latter.

    Returns
    -------
    onnx.ModelProto
        With the inputs

        - ``X``, of shape (rows, n_features) and the type ``dtype``, raw as ``predict``
          takes them; standardising, and what becomes of rows beyond the training, are
          in the graph.
        - ``prior``, float32 of shape (rows, parts, outputs), where the learner has a
          prior: what :func:`prior_answers` returns, of models that scikit-learn has
          fitted and this file does not hold.
        - ``X_support``, ``y_support``, ``with_support``: rows, and their values as
          float32 or the numbers of their classes, 0, 1, ..., as int64;

        and the outputs ``values``, float32 of shape (rows,), of a regressor; of a
        classifier ``probabilities``, float32 of shape (rows, classes), and ``label``,
        the label of each row as ``predict`` returns it, or the number of its class
        where labels are names inside tasks and the support is an input; a
        FewShotClassifier answers by its own ``classes_``. The metadata
        ``skmeta`` of the file is JSON: version, kind, algorithm, names of the features,
        ``classes`` in the order of the columns, and the group.

    Raises
    ------
    ImportError
        If onnx or onnxscript is not installed.
    TypeError
        If it is no such estimator, such as a Pipeline: export what comes before the
        learner with skl2onnx.
    ValueError
        If the learner rejects rows, has several targets or an algorithm that torch
        cannot write down; or a prior, ``with_support``; or if labels or values are of
        no type, or beyond the range, that graphs answer in.

    Warns
    -----
    UserWarning
        If ``dtype="float32"`` does not tell rows of the training apart.

    Examples
    --------
    >>> from skmeta import MetaRegressor
    >>> from skmeta.datasets import make_sinusoids
    >>> from skmeta.onnx import to_onnx
    >>> X, y, groups = make_sinusoids(n_tasks=20, n_rows=20, random_state=0)
    >>> meta = MetaRegressor("r2d2", max_epochs=1).fit(X, y, groups=groups)
    >>> file = to_onnx(meta.adapt(X[:9], y[:9]), "task.onnx")  # doctest: +SKIP
    >>> [each.name for each in file.graph.output]  # doctest: +SKIP
    ['values']
    """
    meta = _meta_of(estimator)
    check_is_fitted(meta)
    check_written(meta)
    if dtype not in ("float32", "float64"):
        raise ValueError(f"dtype must be 'float32' or 'float64', not {dtype!r}.")
    if dtype == "float32":
        warn_if_lost(meta)
    if with_support:
        module, inputs, labels = _of_support(meta, n_classes)
    else:
        module, inputs, labels = _of_task(meta, group, _chosen(estimator))
    check_labels(labels)
    if dtype == "float64":
        inputs |= {n: x.double() for n, x in inputs.items() if n.startswith("X")}
    file = _written(module, inputs, meta)
    if meta._kind == "classifier":
        _name_labels(file, labels)
    note = {
        "version": __version__,
        "kind": meta._kind,
        "algorithm": repr(meta.algorithm_),
        "features": _plain(getattr(meta, "feature_names_in_", None)),
        "classes": _plain(labels),
        "group": _plain(group),
    }
    file.metadata_props.add(key="skmeta", value=json.dumps(note))
    if path is not None:
        import onnx

        onnx.save(file, os.fspath(path))
    return file


def prior_answers(estimator: Any, X: Any) -> np.ndarray:
    """Ask the prior about rows, for the input ``prior`` of a graph.

    Parameters
    ----------
    estimator : MetaClassifier, MetaRegressor, FewShotClassifier or FewShotRegressor
        As :func:`to_onnx` got it, with a prior.
    X : array-like of shape (n_rows, n_features)
        Raw rows, as for ``predict``.

    Returns
    -------
    float32 ndarray of shape (n_rows, parts, outputs)
        What each part of the prior answers.

    Raises
    ------
    ValueError
        If there is no prior to ask.
    """
    meta = _meta_of(estimator)
    check_is_fitted(meta)
    offset = meta._table(meta._validate_features(X)).offset
    if offset is None:
        raise ValueError("There is no prior to ask: the graph has no such input.")
    return np.asarray(offset)


def _meta_of(estimator: Any) -> BaseMetaEstimator:
    """Return the meta-learner that knows the task."""
    if isinstance(estimator, BaseFewShotEstimator):
        check_is_fitted(estimator)
        estimator = estimator.learner_
    if not isinstance(estimator, BaseMetaEstimator):
        raise TypeError(
            "to_onnx writes a MetaClassifier, a MetaRegressor or a few-shot estimator "
            f"over one, not {type(estimator).__name__}. Of a Pipeline give it the last "
            "step, and what comes before to skl2onnx; of an ensemble its members one "
            "by one."
        )
    return estimator


def _chosen(estimator: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the labels that a few-shot classifier answers, and what it calls them.

    Of all that its meta-learner knows, those of its support: None for the others.
    """
    if not isinstance(estimator, FewShotClassifier) or estimator._has_several():
        return None
    return estimator._labels, estimator.classes_


def _of_task(
    meta: Any, group: Any, chosen: tuple[np.ndarray, np.ndarray] | None = None
) -> tuple[nn.Module, dict[str, Any], Any]:
    """Return a task as a module, an example of its inputs, and its labels."""
    row = np.zeros((1, meta.n_features_in_))
    groups = None if group is None else [group]
    names = getattr(meta.adapted_, "names", None)
    if group is None and names is not None and len(names) > 1:
        raise ValueError(
            f"The estimator is adapted to {len(names)} tasks, and a graph is of one: "
            "name it by group=."
        )
    with silenced():  # nobody asks about this row
        adapted, X, task = meta._current(row, groups)
    if meta._kind == "classifier":
        targets, labels = _classes(meta, adapted, int(task[0]), chosen)
    else:
        targets, labels = _values(meta), None
    module = OfTask(
        adapted.learner.algorithm,
        _own(adapted.learner.module),
        adapted.state_of(int(task[0])),
        Scale(meta._table(X)),
        targets,
    )
    inputs = {"X": _example(meta)}
    offset = meta._table(np.zeros((2, meta.n_features_in_))).offset
    if offset is not None:
        inputs["prior"] = torch.from_numpy(offset)
    return module, inputs, labels


def _of_support(
    meta: Any, n_classes: int | None
) -> tuple[nn.Module, dict[str, Any], Any]:
    """Return a meta-learner as a module, an example of its inputs, and its labels."""
    if getattr(meta, "prior_", None) is not None:
        raise ValueError(
            "with_support=True needs what the prior says of the support, by models of "
            "scikit-learn that a graph does not hold. Fit with prior=None, or write "
            "adapted tasks, which take it as an input."
        )
    labels, n_rows, bounds = None, 4, None
    y: torch.Tensor = torch.linspace(-1, 1, n_rows)
    unit = (0.0, 1.0)
    if meta._kind == "classifier":
        if meta.label_space_ == "shared":
            n_classes, labels = len(meta.classes_), meta.classes_
        elif n_classes is None:
            raise ValueError(
                "Labels are names inside tasks: say how many classes a task has, "
                "n_classes=5 for example."
            )
        n_rows = 2 * n_classes
        y = torch.arange(n_rows) % n_classes
        targets = Targets(np.zeros(n_classes))
    else:
        n_classes = 0
        unit = (float(meta.target_mean_), float(meta.target_scale_))
        targets, bounds = _values(meta), meta._target_bounds()
    table = meta._table(np.zeros((1, meta.n_features_in_)))
    learner = meta._learner()
    module = OfSupport(
        learner.algorithm,
        _own(learner.module),
        n_classes,
        Scale(table),
        targets,
        unit,
        bounds,
    )
    few = torch.rand(n_rows, meta.n_features_in_)
    return module, {"X_support": few, "y_support": y, "X": _example(meta)}, labels


def _own(module: nn.Module) -> nn.Module:
    """Return a copy that computes in single precision, which runtimes have."""
    module = copy.deepcopy(module)
    for layer in module.modules():
        if isinstance(layer, Pieces):
            layer.in_bfloat16 = False
    return module


def _example(meta: Any) -> torch.Tensor:
    return torch.rand(3, meta.n_features_in_)


def _classes(
    meta: Any, adapted: Any, task: int, chosen: tuple[np.ndarray, np.ndarray] | None
) -> tuple[Targets, np.ndarray]:
    """Return how a task answers by labels, and these."""
    labels = _labels_of_task(adapted, task)
    shift = np.zeros(len(labels))
    if meta._shifts_odds():
        shift = np.log(label_weights(meta._classes_weighed_by, labels))
    if chosen is None:
        return Targets(shift), labels
    own, names = chosen
    return Targets(shift, np.searchsorted(labels, own)), names


def _values(meta: Any) -> Targets:
    mean, scale = float(meta.target_mean_), float(meta.target_scale_)
    return Targets(mean=mean, scale=scale, bounds=meta._target_bounds())


def _labels_of_task(adapted: Any, task: int) -> np.ndarray:
    """Return the labels of a task in the order of its codes."""
    labels = labels_of(adapted)
    codes = np.arange(labels.n_classes[task])
    return np.asarray(labels.decode(codes, np.full(len(codes), task)))


def _written(module: nn.Module, inputs: dict[str, Any], meta: Any) -> Any:
    """Let torch write a module down."""
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ImportError(_INSTALL) from error
    rows, few = torch.export.Dim("rows"), torch.export.Dim("shots")
    shapes = {
        name: {0: few if name.endswith("_support") else rows}
        if name != "prior"
        else {0: rows}
        for name in inputs
    }
    if "prior" in inputs:  # torch takes one number of rows for all of them
        n_rows = len(inputs["prior"])
        inputs = inputs | {"X": inputs["X"][:n_rows]}
    outputs = ["values"]
    if meta._kind == "classifier":
        outputs = ["probabilities", "code"]
    module = module.eval().to("cpu")
    try:
        with torch.no_grad(), silenced(), _quiet():
            program = torch.onnx.export(
                module,
                tuple(inputs.values()),
                input_names=list(inputs),
                output_names=outputs,
                dynamic_shapes=shapes,
                opset_version=_OPSET,
                dynamo=True,
                verbose=False,
            )
    except Exception as error:  # torch raises any kind of them
        cure = "Choose another algorithm or backbone."
        if "X_support" in inputs:
            cure = (
                "ONNX has no equations to solve, as some algorithms do to learn a "
                "task: write adapted tasks, without with_support."
            )
        raise ValueError(
            f"torch cannot write {meta.algorithm_} on {meta.backbone_} as ONNX. {cure}"
        ) from error
    assert program is not None  # of dynamo=True
    file = program.model_proto
    for each in file.graph.input:
        if not each.type.tensor_type.shape.dim[0].dim_param:
            raise ValueError(
                f"torch writes {meta.algorithm_} on {meta.backbone_} for one number of "
                "rows only. Choose another algorithm or backbone."
            )
    return file


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what torch prints while it tries, pages of it, from the user."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            yield
    finally:
        logging.disable(before)


def _name_labels(file: Any, labels: np.ndarray | None) -> None:
    """Let a classifier answer by labels, or call what it answers the number of one."""
    import onnx
    from onnx import TensorProto, helper

    [code] = [each for each in file.graph.output if each.name == "code"]
    shape = [d.dim_param or d.dim_value for d in code.type.tensor_type.shape.dim]
    file.graph.output.remove(code)
    kind: int = TensorProto.INT64
    given: Any
    if labels is None:
        file.graph.node.append(helper.make_node("Identity", ["code"], ["label"]))
    else:
        if labels.dtype.kind in "OUS":
            kind, given = TensorProto.STRING, [str(each) for each in labels]
        elif labels.dtype.kind in "fb":
            kind = TensorProto.DOUBLE if labels.dtype.kind == "f" else TensorProto.BOOL
            given = labels.tolist()
        else:
            given = [int(each) for each in labels]
        names = helper.make_tensor("labels", kind, [len(given)], given)
        file.graph.initializer.append(names)
        gather = helper.make_node("Gather", ["labels", "code"], ["label"], axis=0)
        file.graph.node.append(gather)
    file.graph.output.append(helper.make_tensor_value_info("label", kind, shape))
    onnx.checker.check_model(file)


def _plain(value: Any) -> Any:
    """Return arrays and numpy's numbers as JSON has them."""
    if value is None:
        return None
    listed = np.asarray(value).tolist()
    if isinstance(listed, list):
        return [
            each if isinstance(each, (int, float)) else str(each) for each in listed
        ]
    return listed if isinstance(listed, (int, float)) else str(listed)
