"""Conformance checks for those who write algorithms, backbones, distances and more.

What passes the check of its kind works wherever a thing of that kind goes.
"""

from collections.abc import Iterable
from typing import Any, Literal

from skmeta.testing.algorithms.check import check_algorithm
from skmeta.testing.algorithms.laws import ALGORITHM_LAWS
from skmeta.testing.augmentations import AUGMENTATION_LAWS, check_augmentation
from skmeta.testing.backbones.check import check_backbone
from skmeta.testing.backbones.laws import BACKBONE_LAWS
from skmeta.testing.datasets import DATASET_LAWS, check_dataset
from skmeta.testing.distances import DISTANCE_LAWS, check_distance
from skmeta.testing.law import BrokenLawError, Law
from skmeta.testing.run import LawResult, run_laws, tests_of_laws
from skmeta.testing.scikit_learn import expected_failed_checks

__all__ = [
    "LAWS",
    "BrokenLawError",
    "Law",
    "LawResult",
    "check",
    "check_algorithm",
    "check_augmentation",
    "check_backbone",
    "check_dataset",
    "check_distance",
    "expected_failed_checks",
    "parametrize_with_algorithm_checks",
    "parametrize_with_checks",
]

LAWS: dict[str, tuple[Law, ...]] = {
    "algorithm": ALGORITHM_LAWS,
    "backbone": BACKBONE_LAWS,
    "distance": DISTANCE_LAWS,
    "augmentation": AUGMENTATION_LAWS,
    "dataset": DATASET_LAWS,
}
"""The laws of every kind, in the order in which they are tried."""


def check(
    kind: str,
    thing: Any,
    *,
    on_fail: Literal["raise"] | None = "raise",
    **options: Any,
) -> list[LawResult]:
    """Check a thing of any kind, as the function of its kind does.

    Parameters
    ----------
    kind : {"algorithm", "backbone", "distance", "augmentation", "dataset"}
    thing : object or str
        What to check, or its registered name.
    on_fail : {"raise", None}, default="raise"
        "raise" stops at the first law that is broken; None tries them all and leaves
        the outcome to the caller.
    **options
        As of the function of its kind.

    Returns
    -------
    list of LawResult
        One for each law and situation.

    Raises
    ------
    BrokenLawError
        If a law is broken.

    Examples
    --------
    >>> from skmeta.testing import check
    >>> [str(result) for result in check("distance", "cosine")][:1]
    ['passed  there_is_a_distance_per_pair']
    """
    _check_kind(kind)
    return run_laws(LAWS[kind], thing, on_fail, **options)


def parametrize_with_checks(kind: str, things: Iterable[Any]) -> Any:
    """Make one pytest test for each thing and law.

    The ids read ``MLP()-rows_do_not_mix``, so that ``pytest -k`` selects; they are the
    same in every process, as pytest-xdist needs it.

    Parameters
    ----------
    kind : {"algorithm", "backbone", "distance", "augmentation", "dataset"}
        Kind of the things; the name of the test's first argument.
    things : iterable of object or str
        Instances, or registered names.

    Returns
    -------
    pytest.MarkDecorator
        Decorates a test that takes ``kind`` and ``check``.

    Examples
    --------
    >>> from skmeta.backbones import MLP
    >>> from skmeta.testing import parametrize_with_checks
    >>> @parametrize_with_checks("backbone", ["linear", MLP(hidden=(8, 8))])
    ... def test_keeps_the_law(backbone, check):
    ...     check(backbone)
    """
    _check_kind(kind)
    return tests_of_laws(LAWS[kind], kind, things)


def parametrize_with_algorithm_checks(algorithms: Iterable[Any]) -> Any:
    """Make one pytest test for each algorithm and law.

    Short for :func:`parametrize_with_checks` of the kind "algorithm".

    Examples
    --------
    >>> from skmeta.algorithms import MAML, ProtoNet
    >>> from skmeta.testing import parametrize_with_algorithm_checks
    >>> @parametrize_with_algorithm_checks([ProtoNet(), MAML(inner_steps=2)])
    ... def test_keeps_the_law(algorithm, check):
    ...     check(algorithm)
    """
    return parametrize_with_checks("algorithm", algorithms)


def _check_kind(kind: str) -> None:
    if kind not in LAWS:
        raise ValueError(f"kind must be one of {[*LAWS]}, not {kind!r}.")
