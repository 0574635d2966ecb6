"""Estimators whose ``fit`` is the adaptation of a fitted meta-learner."""

from skmeta.estimators.few_shot.classifier import FewShotClassifier
from skmeta.estimators.few_shot.regressor import FewShotRegressor
from skmeta.saving.estimators import TRUSTED_TYPES

__all__ = ["FewShotClassifier", "FewShotRegressor"]

# What files of skops call them that are older than the files of this room.
TRUSTED_TYPES.extend(f"{__name__}.{name}" for name in __all__)
