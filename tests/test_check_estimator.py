"""scikit-learn's own checks, with no failure but those that follow from the method."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmeta import MetaClassifier, MetaRegressor
from skmeta.testing import expected_failed_checks


@pytest.mark.slow
@parametrize_with_checks(
    [
        MetaClassifier("maml", tasks="classes", max_epochs=2),
        MetaClassifier("protonet", tasks="classes", max_epochs=2),
        MetaClassifier(tasks="classes", max_epochs=2),
        MetaClassifier("r2d2", tasks="table", max_epochs=2),  # of several labels, too
        MetaRegressor(tasks="table", max_epochs=2),
        MetaRegressor("maml", tasks="table", max_epochs=2),
    ],
    expected_failed_checks=expected_failed_checks,
)
def test_scikit_learn_finds_nothing_else_to_complain_of(estimator, check):
    check(estimator)
