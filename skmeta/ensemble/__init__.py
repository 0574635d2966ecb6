"""Several learners together, each with as much say as new tasks have shown it is worth.

Members are meta-learners, the plain ways of :mod:`skmeta.model_selection` and any other
estimator; they are judged on training tasks that were left out.
"""

from skmeta.ensemble.classifier import MetaStackingClassifier
from skmeta.ensemble.regressor import MetaStackingRegressor

__all__ = ["MetaStackingClassifier", "MetaStackingRegressor"]
