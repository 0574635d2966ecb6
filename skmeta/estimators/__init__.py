"""The public face: meta-learning estimators for classification and regression."""

from skmeta.estimators.classifier import MetaClassifier
from skmeta.estimators.regressor import MetaRegressor

__all__ = ["MetaClassifier", "MetaRegressor"]
