"""scikit-learn's own checks, with the one failure of all that draw rows at random."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmeta import MetaClassifier, MetaRegressor

# scikit-learn expects the same failure of its own mini-batch learners.
_DRAWS = {
    "check_sample_weight_equivalence_on_dense_data": "episodes draw a row of weight 2 "
    "once, and rows given twice as two; the equivalence holds in adapt"
}


@pytest.mark.slow
@parametrize_with_checks(
    [
        MetaClassifier("maml", tasks="classes", max_epochs=2),
        MetaClassifier("protonet", tasks="classes", max_epochs=2),
        MetaRegressor(tasks="table", max_epochs=2),
    ],
    expected_failed_checks=lambda estimator: _DRAWS,
)
def test_scikit_learn_finds_nothing_else_to_complain_of(estimator, check):
    check(estimator)
