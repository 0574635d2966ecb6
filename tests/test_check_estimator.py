"""scikit-learn's own checks, with no failure but those that follow from the method."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmeta import MetaClassifier, MetaRegressor

# scikit-learn expects the same failure of its own mini-batch learners.
_DRAWS = {
    "check_sample_weight_equivalence_on_dense_data": "episodes draw a row of weight 2 "
    "once, and rows given twice as two; the equivalence holds in adapt"
}


# A prototype is the mean of its class, and all rows of the class weigh the same.
_MEANS = {
    "check_class_weight_classifiers": "a class of any weight has the same prototype"
}


def excused(estimator):
    is_protonet = getattr(estimator, "algorithm", None) == "protonet"
    return _DRAWS | (_MEANS if is_protonet else {})


@pytest.mark.slow
@parametrize_with_checks(
    [
        MetaClassifier("maml", tasks="classes", max_epochs=2),
        MetaClassifier("protonet", tasks="classes", max_epochs=2),
        MetaRegressor(tasks="table", max_epochs=2),
    ],
    expected_failed_checks=excused,
)
def test_scikit_learn_finds_nothing_else_to_complain_of(estimator, check):
    check(estimator)
