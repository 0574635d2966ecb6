"""Estimators whose ``fit`` is the adaptation of a fitted meta-learner."""

from typing import TYPE_CHECKING

from skmeta.utils.lazily import offers

if TYPE_CHECKING:
    from skmeta.estimators.few_shot.classifier import FewShotClassifier
    from skmeta.estimators.few_shot.regressor import FewShotRegressor

__all__ = ["FewShotClassifier", "FewShotRegressor"]

__getattr__, __dir__ = offers(
    __name__,
    {
        "classifier": ["FewShotClassifier"],
        "regressor": ["FewShotRegressor"],
    },
)
