"""What a graph of ONNX would leave out, or answer otherwise than predict."""

from typing import Any

import numpy as np

from skmeta.engine.landmarks import Landmarked
from skmeta.utils.messages import listed, warn

__all__ = ["check_labels", "check_written", "warn_if_lost"]

# Steps of single precision that are too coarse, of the range of a column.
_LEAST_STEP = 1e-4


def check_written(meta: Any) -> None:
    """Refuse what a graph would leave out."""
    if meta.spec_.n_targets > 1:
        raise ValueError(
            f"to_onnx writes one target, and fit had {meta.spec_.n_targets}. Fit a "
            "meta-learner to each of them."
        )
    if isinstance(meta._learner().algorithm, Landmarked):
        raise ValueError(
            "to_onnx does not write how rows of unknown classes are rejected. Fit with "
            "reject=None."
        )

    if meta._kind == "regressor":
        reach = np.abs([meta.target_mean_]).max() + 100 * np.abs(meta.target_scale_)
        if reach > np.finfo(np.float32).max:
            raise ValueError(
                f"Graphs answer in single precision, and values reach {reach:.0e}. Fit "
                "to them in another unit."
            )


def check_labels(labels: np.ndarray | None) -> None:
    """Refuse labels that ONNX has no type for."""
    if labels is None or labels.dtype.kind in "OUSfb":
        return
    if labels.dtype.kind not in "iu" or labels.max() > np.iinfo(np.int64).max:
        raise ValueError(
            "ONNX answers by words, numbers and booleans, integers of up to 64 bits, "
            f"and labels are {labels.dtype}, such as {labels[0]}. Fit to words."
        )


def warn_if_lost(meta: Any) -> None:
    """Warn of columns whose rows single precision takes for the same."""
    low, high = getattr(meta, "low_", None), getattr(meta, "high_", None)
    if low is None or high is None:  # of early files
        return
    reach = np.maximum(np.abs(low), np.abs(high))
    step = reach * np.finfo(np.float32).eps
    lost = np.flatnonzero((high > low) & (step > _LEAST_STEP * (high - low)))
    if len(lost):
        names = getattr(meta, "feature_names_in_", None)
        which = listed([str(each) for each in (lost if names is None else names[lost])])
        warn(
            f"The columns {which} vary so little beside how far they are from 0 that "
            "float32, in which the graph takes rows, blurs them: answers will not be "
            "those of predict. Write it with dtype='float64', or fit to columns from "
            "which a number has been taken off."
        )
