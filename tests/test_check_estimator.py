"""scikit-learn's own checks, with no expected failure."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmeta import MetaClassifier, MetaRegressor


@pytest.mark.slow
@parametrize_with_checks(
    [
        MetaClassifier("maml", tasks="classes", max_epochs=2),
        MetaClassifier("protonet", tasks="classes", max_epochs=2),
        MetaRegressor(tasks="table", max_epochs=2),
    ]
)
def test_scikit_learn_finds_nothing_to_complain_of(estimator, check):
    check(estimator)
