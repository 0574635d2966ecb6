"""Check an algorithm against the laws that every algorithm keeps."""

from typing import Literal

from skmeta.algorithms.base import Algorithm
from skmeta.backbones import Backbone
from skmeta.testing.algorithms.laws import ALGORITHM_LAWS
from skmeta.testing.run import LawResult, run_laws

__all__ = ["check_algorithm"]


def check_algorithm(
    algorithm: Algorithm | str,
    *,
    backbone: Backbone | None = None,
    on_fail: Literal["raise"] | None = "raise",
    seed: int = 0,
) -> list[LawResult]:
    """Check that an algorithm keeps every law, on generated data.

    Each law is tried for every kind of target and label space that the algorithm
    declares. The global random state stays as it is.

    Parameters
    ----------
    algorithm : Algorithm or str
        An instance, or a registered name.
    backbone : Backbone, default=None
        A small multilayer perceptron if None. It should neither drop units at random
        nor mix rows.
    on_fail : {"raise", None}, default="raise"
        "raise" stops at the first law that is broken; None tries them all and leaves
        the outcome to the caller.
    seed : int, default=0
        Decides the generated parameters and tasks.

    Returns
    -------
    list of LawResult
        One for each law, kind and label space.

    Raises
    ------
    BrokenLawError
        An AssertionError that names the law, the kind and label space, how large the
        error is, the smallest case, and a hint.
    TypeError
        If ``algorithm`` is a class.

    See Also
    --------
    parametrize_with_checks : The same, as one pytest test for each law.

    Examples
    --------
    >>> from skmeta.algorithms import ProtoNet
    >>> from skmeta.testing import check_algorithm
    >>> results = check_algorithm(ProtoNet())
    >>> print(results[0])
    passed  outputs_fit_the_task (classifier, shared)
    """
    return run_laws(ALGORITHM_LAWS, algorithm, on_fail, backbone=backbone, seed=seed)
