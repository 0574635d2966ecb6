"""What scikit-learn's own checks cannot pass by the nature of the method."""

from typing import Any

from sklearn.base import is_classifier

from skmeta import plugins

__all__ = ["expected_failed_checks"]

_EPISODES = (
    "episodes draw a row of weight 2 once, and rows given twice as two; the "
    "equivalence holds in adapt"
)
_NO_WEIGHTS = "the algorithm takes no weights, and says so"

_WEIGHTS = [
    "check_sample_weights_pandas_series",
    "check_sample_weights_not_an_array",
    "check_sample_weights_list",
    "check_all_zero_sample_weights_error",
    "check_sample_weights_shape",
    "check_sample_weights_not_overwritten",
]
_CLASS_WEIGHTS = [
    "check_classifiers_one_label_sample_weights",
    "check_class_weight_classifiers",
]


def expected_failed_checks(estimator: Any) -> dict[str, str]:
    """Name the checks of scikit-learn that a meta-learner cannot pass, and why.

    scikit-learn expects the first of them to fail for its own learners that draw rows
    at random, too.

    Parameters
    ----------
    estimator : MetaClassifier or MetaRegressor
        With any algorithm.

    Returns
    -------
    dict of str to str
        For ``expected_failed_checks`` of
        :func:`sklearn.utils.estimator_checks.parametrize_with_checks`.

    Examples
    --------
    >>> from skmeta import MetaClassifier
    >>> from skmeta.testing import expected_failed_checks
    >>> list(expected_failed_checks(MetaClassifier("maml", tasks="classes")))
    ['check_sample_weight_equivalence_on_dense_data']
    """
    expected = {"check_sample_weight_equivalence_on_dense_data": _EPISODES}
    algorithm = plugins.resolve("algorithm", estimator.algorithm)
    if not algorithm.uses_weights:
        names = _WEIGHTS + (_CLASS_WEIGHTS if is_classifier(estimator) else [])
        expected |= dict.fromkeys(names, _NO_WEIGHTS)
    return expected
