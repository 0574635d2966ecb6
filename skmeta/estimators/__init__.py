"""The public face: meta-learning estimators for classification and regression."""

from typing import TYPE_CHECKING

from skmeta.utils.lazily import offers

if TYPE_CHECKING:
    from skmeta.estimators.classifier import MetaClassifier
    from skmeta.estimators.regressor import MetaRegressor

__all__ = ["MetaClassifier", "MetaRegressor"]

__getattr__, __dir__ = offers(
    __name__,
    {
        "classifier": ["MetaClassifier"],
        "regressor": ["MetaRegressor"],
    },
)
