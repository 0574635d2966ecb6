"""Statistics over tasks: an interval for a mean, a test of pairs, a correction.

SciPy has the distributions and Wilcoxon's test; Holm's correction it does not have.
"""

import numpy as np
from scipy import stats

__all__ = ["differences", "holm", "student_half_width", "wilcoxon_p_value"]

# Digits of a score that do not depend on the order in which it was added up.
_SURE_DIGITS = 12


def student_half_width(scores: np.ndarray) -> np.ndarray:
    r"""Half the width of the 95 % confidence interval of a mean, by Student's t.

    .. math:: t_{0.975, n - 1} \, s / \sqrt n

    Parameters
    ----------
    scores : ndarray of shape (..., n_tasks)
        Scores of the tasks that a mean is taken of.

    Returns
    -------
    float ndarray of shape (...)
        NaN for fewer than two tasks, which show no spread.

    Examples
    --------
    >>> from skmeta.model_selection._statistics import student_half_width
    >>> student_half_width([0.1, 0.2, 0.3]).round(4)
    np.float64(0.2484)
    """
    scores = np.asarray(scores, float)
    n_tasks = scores.shape[-1]
    if n_tasks < 2:
        return np.full(scores.shape[:-1], np.nan)[()]
    quantile = stats.t.ppf(0.975, n_tasks - 1)
    return quantile * scores.std(axis=-1, ddof=1) / np.sqrt(n_tasks)


def differences(scores: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Subtract paired scores, so that equal ones differ by nothing.

    The same share of right answers may be 0.6 or 0.6000000000000001. Ranks of such a
    difference would count it like a real one.

    Parameters
    ----------
    scores, others : ndarray of shape (n_tasks,)
        Finite, or NaN.

    Returns
    -------
    float64 ndarray of shape (n_tasks,)
        To twelve digits of the larger score of each pair; NaN where one is.

    Examples
    --------
    >>> from skmeta.model_selection._statistics import differences
    >>> differences([0.1 + 0.2, 0.5], [0.3, 0.25])
    array([0.  , 0.25])
    """
    scores, others = np.asarray(scores, float), np.asarray(others, float)
    size = np.maximum(np.abs(scores), np.abs(others))
    usual = np.isfinite(size) & (size > 1e-100) & (size < 1e100)
    digits = np.ceil(np.log10(size, where=usual, out=np.zeros(size.shape)))
    # Quotients of whole numbers: equal ones are equal whatever their digits.
    up = 10.0 ** np.maximum(_SURE_DIGITS - digits, 0)
    down = 10.0 ** np.maximum(digits - _SURE_DIGITS, 0)
    difference = scores - others
    sure = np.rint(np.where(usual, difference, 0.0) * up / down) * down / up + 0.0
    return np.where(usual, sure, difference)


def wilcoxon_p_value(differences: np.ndarray) -> float:
    """Test by Wilcoxon's signed ranks whether paired scores differ, on both sides.

    Parameters
    ----------
    differences : ndarray of shape (n_tasks,)
        What one has more than the other on every task (:func:`differences`).

    Returns
    -------
    float
        1 if nothing differs: nothing speaks for a difference.

    Examples
    --------
    >>> from skmeta.model_selection._statistics import wilcoxon_p_value
    >>> wilcoxon_p_value([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])  # one of 2**5
    0.03125
    """
    differences = np.asarray(differences, float)
    if not differences.any():
        return 1.0
    return float(stats.wilcoxon(differences).pvalue)


def holm(p_values: np.ndarray) -> np.ndarray:
    """Correct the p-values of several tests by Holm's step-down method.

    Parameters
    ----------
    p_values : ndarray of shape (n_tests,)
        As each test gave it.

    Returns
    -------
    float ndarray of shape (n_tests,)
        In the same order, 1 at most.

    References
    ----------
    S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian
    Journal of Statistics 6, 1979.

    Examples
    --------
    >>> from skmeta.model_selection._statistics import holm
    >>> holm([0.01, 0.04, 0.03, 0.005])
    array([0.03, 0.06, 0.06, 0.02])
    """
    p_values = np.asarray(p_values, float)
    order = np.argsort(p_values)
    n_tests = len(p_values)
    stepped = np.maximum.accumulate(p_values[order] * (n_tests - np.arange(n_tests)))
    corrected = np.empty(n_tests)
    corrected[order] = np.minimum(stepped, 1.0)
    return corrected
