"""The model that learns tasks by the million: what it is, and what it needs of rows."""

import copy
import hashlib
import json
import os
from functools import cached_property
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skmeta.ensemble.base import BaseMetaStacking
from skmeta.ensemble.members import flat, learns_of_other_tasks
from skmeta.estimators.base import BaseMetaEstimator
from skmeta.estimators.calibration import Calibration
from skmeta.estimators.few_shot.base import BaseFewShotEstimator
from skmeta.exceptions import LoadError
from skmeta.pipelines import (
    adapt,
    last_step,
    predict_interval,
    restore_targets,
    transform,
    with_last_step,
)
from skmeta.saving import TRUSTED_TYPES, load
from skmeta.saving.estimators import write_inside
from skmeta.saving.kinds import is_kind
from skmeta.saving.names import STRATEGIES
from skmeta.saving.values import Writer
from skmeta.utils.messages import listed, silenced

__all__ = ["BulkModel"]

# Names of files that hold a whole Pipeline, and run code when they are read.
_PICKLES = (".joblib", ".pkl", ".pickle")


class BulkModel:
    """A fitted meta-learner, or a Pipeline that ends in one, adapted to nothing.

    Parameters
    ----------
    given : str, path-like or estimator
        A file of :func:`skmeta.save`, of ``skops.io.dump`` (``.skops``) or of joblib
        (``.joblib``, ``.pkl``: reading it runs code); or the estimator itself, which
        stays as it is.
    unknown_task : {"error", "prior"}, default=None
        What becomes of rows of unknown tasks; None is as the learner says.

    Attributes
    ----------
    estimator : estimator
        A shallow copy.
    learner : MetaClassifier, MetaRegressor or ensemble
        Its last step.
    file : str or None
        Checksum of the file.

    Raises
    ------
    TypeError
        If it is no meta-learner.
    ValueError
        If an ensemble has members that learn a task from the rows of others as well:
        answers would depend on how tasks are cut into shards.
    LoadError
        If the file cannot be read.
    """

    def __init__(self, given: Any, unknown_task: str | None = None):
        self.file: str | None = None
        if isinstance(given, (str, os.PathLike)):
            given, self.file = _read(Path(given))
        learner = last_step(given)
        if not isinstance(learner, (BaseMetaEstimator, BaseMetaStacking)):
            what = type(learner).__name__
            hint = ""
            if isinstance(learner, BaseFewShotEstimator):
                hint = f" A {what} learns one task: give its meta-learner, .meta."
            raise TypeError(
                "Tasks are learnt by a MetaClassifier, a MetaRegressor, an ensemble of "
                f"skmeta.ensemble or a Pipeline that ends in one, not by {what}.{hint}"
            )
        check_is_fitted(learner)
        if isinstance(learner, BaseMetaStacking):
            members = flat(learner.named_estimators_).items()
            lost = [name for name, each in members if learns_of_other_tasks(each)]
            if lost:
                raise ValueError(
                    f"The members {listed(lost)} learn each task from the rows of all "
                    "others as well, so that answers would depend on how tasks are cut "
                    "into shards. Fit the ensemble without them, or adapt in memory."
                )
        self.learner: Any = copy.copy(learner)
        self.learner._set_adapted(None)
        if unknown_task is not None:
            self.learner.unknown_task = unknown_task
        self.estimator = with_last_step(given, self.learner)

    @property
    def is_classifier(self) -> bool:
        """Whether answers are labels."""
        return self.learner._kind == "classifier"

    @property
    def knows_columns(self) -> list[str] | None:
        """Names of the columns that it was fitted to, None if it was given arrays."""
        for step in _steps(self.estimator):
            names = getattr(step, "feature_names_in_", None)
            if names is not None:
                return [str(name) for name in names]
        return None

    @property
    def n_columns(self) -> int | None:
        """How many columns it takes, None if nothing knows."""
        for step in _steps(self.estimator):
            n_features = getattr(step, "n_features_in_", None)
            if n_features is not None:
                return int(n_features)
        return None

    @property
    def n_targets(self) -> int:
        """How many targets a row has."""
        if isinstance(self.learner, BaseMetaStacking):
            return self.learner._n_targets
        spec = getattr(self.learner, "spec_", None)
        return 1 if spec is None else int(spec.n_targets)

    @property
    def target_names(self) -> list[str] | None:
        """Names of several targets, None if it was given an array of them."""
        names = getattr(self.learner, "target_names_", None)
        return None if names is None else [str(name) for name in names]

    @cached_property
    def digests(self) -> dict[str, str | None]:
        """Checksums of the file, None if there is none, and of what is learnt.

        Tasks belong to a model if one of the two is the same: a file stays the same
        over versions of skmeta.
        """
        return {"file": self.file, "learnt": self._digest()}

    def _digest(self) -> str:
        plain = copy.copy(self.learner)
        plain.calibration_ = Calibration()  # nothing that tasks are learnt by
        plain.unknown_task = "error"
        if getattr(plain, "label_space_", None) == "per_task":
            plain.classes_ = None  # those of tasks before
        writer = Writer(_write_hashed)
        with silenced(message="The callbacks"):
            content = writer.write(plain, "")
        sums = hashlib.sha256(json.dumps(content, sort_keys=True).encode())
        for name, tensor in sorted(writer.tensors.items()):
            sums.update(name.encode())
            sums.update(tensor.numpy().tobytes())
        if self.estimator is not self.learner:
            around = with_last_step(self.estimator, "passthrough")
            sums.update(joblib.hash(around).encode())
        return sums.hexdigest()

    def adapted(self, X: Any, y: Any, groups: np.ndarray) -> Any:
        """Return a shallow copy of the learner that knows the tasks of some rows."""
        learner = copy.copy(self.learner)
        adapt(with_last_step(self.estimator, learner), X, y, groups)
        return learner

    def answers(
        self, learner: Any, X: Any, groups: np.ndarray, verb: str = "predict"
    ) -> np.ndarray:
        """Answer rows by what a learner knows, in the unit of the targets."""
        asked = transform(self.estimator, X, groups)
        answers = getattr(learner, verb)(asked, groups=groups)
        if verb == "predict":
            answers = restore_targets(self.estimator, answers)
        return np.asarray(answers)

    def intervals(
        self, learner: Any, X: Any, groups: np.ndarray, coverage: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Bound the values of rows by what a learner knows."""
        asked = with_last_step(self.estimator, learner)
        return predict_interval(asked, X, groups=groups, coverage=coverage)


def _read(path: Path) -> tuple[Any, str]:
    """Read a model, and return the checksum of its file."""
    data = path.read_bytes()
    suffix = path.suffix.lower()
    if suffix in _PICKLES:
        try:
            found = joblib.load(path)
        except Exception as error:  # whatever a damaged pickle raises
            raise LoadError(f"Cannot load {str(path)!r}. {error}") from error
    elif suffix == ".skops":
        from skops.io import loads

        try:
            found = loads(data, trusted=TRUSTED_TYPES)
        except Exception as error:
            raise LoadError(f"Cannot load {str(path)!r}. {error}") from error
    else:
        found = load(path)
    return found, hashlib.sha256(data).hexdigest()


def _write_hashed(writer: Writer, value: Any, where: str) -> dict[str, Any] | None:
    """Write an estimator as a file has it, those of scikit-learn by a checksum.

    Their bytes in files hold numbers of objects, which change from call to call.
    """
    is_ours = is_kind(type(value)) or type(value) in STRATEGIES.values()
    if isinstance(value, BaseEstimator) and not is_ours:
        return {"hash": joblib.hash(value)}
    return write_inside(writer, value, where)


def _steps(estimator: Any) -> list[Any]:
    """List what rows meet on their way, a Pipeline's own attributes apart."""
    steps = [each for _, each in getattr(estimator, "steps", [])]
    if not steps:
        return [estimator]
    return [inner for step in steps for inner in _steps(step)]
