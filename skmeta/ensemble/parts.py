"""What an ensemble has learnt, as files have it, and back."""

from typing import Any

import numpy as np
from sklearn.utils import Bunch
from sklearn.utils.validation import check_is_fitted

from skmeta.ensemble.adapted import AdaptedMembers
from skmeta.ensemble.members import flat
from skmeta.ensemble.rejection import JointRejection
from skmeta.exceptions import LoadError
from skmeta.saving.checks import check_names

__all__ = ["parts_of", "take_parts"]

# Attributes that a file has in another form.
_WRITTEN_APART = ("named_estimators_", "adapted_", "calibration_")
_WRITTEN_APART += ("_metadata_request", "unknown_")
_WRITTEN_APART += ("_training_groups",)  # in no file: they may be names of people


def parts_of(ensemble: Any, *, supports: bool = False) -> dict[str, Any]:
    """Return what fit and adapt have learnt, for a file.

    Parameters
    ----------
    ensemble : BaseMetaStacking
        Fitted.
    supports : bool, default=False
        With the rows that the current tasks were learnt from.

    Returns
    -------
    dict
        Values by name, for :func:`take_parts`.
    """
    own = {*ensemble._get_param_names(), *_WRITTEN_APART}
    parts = {name: each for name, each in vars(ensemble).items() if name not in own}
    adapted = ensemble.adapted_
    members = flat(ensemble.named_estimators_)
    learners = iter((members if adapted is None else adapted.learners()).values())
    parts["members"] = {
        name: [next(learners) for _ in each] if type(each) is list else next(learners)
        for name, each in ensemble.named_estimators_.items()
    }
    parts["adapted"] = None if adapted is None else adapted.parts(supports)
    if ensemble._calibration().is_ready:
        parts["calibration"] = ensemble.calibration_.parts()
    unknown = getattr(ensemble, "unknown_", None)
    if unknown is not None:
        parts["unknown"] = unknown.parts()
    return parts


def take_parts(ensemble: Any, parts: dict[str, Any]) -> None:
    """Let an ensemble take over what :func:`parts_of` returned.

    Parameters
    ----------
    ensemble : BaseMetaStacking
        With the parameters of the one that was written.
    parts : dict
        Values by name; some are taken out.

    Raises
    ------
    LoadError
        If they do not fit together.
    """
    ensemble.named_estimators_ = Bunch(**parts.pop("members"))
    adapted = parts.pop("adapted")
    if "calibration" in parts:
        ensemble._take_calibration(parts.pop("calibration"))
    if "unknown" in parts:
        known = parts.pop("unknown")
        ensemble.unknown_ = JointRejection.of_parts(known, ensemble.named_estimators_)
    ensemble.adapted_ = None
    if adapted is not None:
        members = flat(ensemble.named_estimators_)
        label_space = parts.get("label_space_")
        ensemble.adapted_ = AdaptedMembers.of_parts(members, adapted, label_space)
    ensemble.named_estimators_ = ensemble._without_tasks()
    check_names(parts, ensemble, {*ensemble._get_param_names(), *_WRITTEN_APART})
    for name, value in parts.items():
        setattr(ensemble, name, value)
    _check(ensemble)


def _check(ensemble: Any) -> None:
    """Refuse members of a file that are not fitted, and weights of others."""
    for member in flat(ensemble.named_estimators_).values():
        check_is_fitted(member)
    shape = len(ensemble.support_sizes_), len(ensemble.named_estimators_)
    weights = ensemble.weights_
    if (
        not shape[1]
        or weights.shape[:2] != shape
        or weights.ndim not in (2, 3)
        or not (np.isfinite(weights).all() and (weights >= 0).all())
    ):
        raise LoadError("Its weights are not those of its members.")
