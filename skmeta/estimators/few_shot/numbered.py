"""Which labels stand behind the numbers that scikit-learn's ensembles hand on.

Some meta-estimators number the labels of ``y`` before they fit what is inside them. To
most classifiers one name is as good as another. Who knows labels of old must not take
the number 0, of the label 1, for the label 0. scikit-learn tells nothing of the
numbering, so the callers are asked: those between a ``fit`` and the user's own code.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.multiclass import OneVsRestClassifier

from skmeta.utils.messages import callers

__all__ = ["NO_LABELS", "Numbering", "numberings"]

# Who makes labels of its own where it does not tell others.
NO_LABELS = "OneVsRestClassifier or OutputCodeClassifier"
_VOTES = "VotingClassifier or StackingClassifier"
_ASK_FOR_SCORES = ("decision_function", "predict_proba", "predict_log_proba")


class Numbering(NamedTuple):
    """Somebody who hands on numbers in place of labels.

    Parameters
    ----------
    by : str
        Who it is.
    labels : ndarray of shape (n_labels,), default=None
        The label behind each number; None where nobody tells.
    """

    by: str
    labels: np.ndarray | None = None


def numberings() -> list[Numbering]:
    """Find who has numbered the labels that a ``fit`` of ours gets, the last first.

    Returns
    -------
    list of Numbering
        Numbers that go through them in this order become labels of the user's call.
    """
    found: list[Numbering] = []
    met: list[Any] = []
    for frame in callers():
        function, known = frame.f_code.co_name, frame.f_locals
        own = _of_worker(function, known)
        ensemble = known.get("self") if function == "fit" else None
        if ensemble is not None and not any(ensemble is each for each in met):
            met.append(ensemble)  # whose fit may call that of a base class
            own = _of_ensemble(ensemble)
        if own is not None:
            # Who does the work is met before whom it is done for, who knows more.
            if found and found[-1].by == own.by and found[-1].labels is None:
                found.pop()
            found.append(own)
    return found


def _of_worker(function: str, known: Mapping[str, Any]) -> Numbering | None:
    """Tell what a function of scikit-learn hands on, perhaps in another process."""
    if function == "_parallel_build_estimators":
        return Numbering("BaggingClassifier", known["ensemble"].classes_)
    if function == "_fit_ovo_binary":
        return Numbering(NO_LABELS, np.array([known["i"], known["j"]]))
    if function == "_fit_binary":
        return Numbering(NO_LABELS)
    if function == "_fit_single_estimator":
        return Numbering(_VOTES)
    if function == "_fit_and_predict" and known["method"] in _ASK_FOR_SCORES:
        return Numbering("cross_val_predict")
    if function == "cross_val_predict" and "le" in known:
        return Numbering(function, known["le"].classes_)
    return None


def _of_ensemble(ensemble: Any) -> Numbering | None:
    """Tell what an estimator hands on while it is fitted."""
    if isinstance(ensemble, (VotingClassifier, StackingClassifier)):
        return Numbering(_VOTES, ensemble.classes_)
    if isinstance(ensemble, CalibratedClassifierCV) and (
        ensemble.method == "temperature" and isinstance(ensemble.classes_[0], str)
    ):
        return Numbering("CalibratedClassifierCV", ensemble.classes_)
    if isinstance(ensemble, OneVsRestClassifier) and len(ensemble.classes_) == 2:
        return Numbering(NO_LABELS, ensemble.classes_)
    return None
