"""Conformance checks for those who write algorithms.

An algorithm that passes :func:`check_algorithm` works wherever an algorithm goes, with
tasks of any size beside each other in a batch.
"""

from skmeta.testing.algorithms import (
    LawResult,
    check_algorithm,
    parametrize_with_algorithm_checks,
)
from skmeta.testing.law import BrokenLawError, Law
from skmeta.testing.laws import LAWS

__all__ = [
    "LAWS",
    "BrokenLawError",
    "Law",
    "LawResult",
    "check_algorithm",
    "parametrize_with_algorithm_checks",
]
