"""Check an algorithm against the laws that every algorithm keeps."""

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from skmeta import plugins
from skmeta.algorithms.base import Algorithm
from skmeta.backbones import Backbone
from skmeta.testing.law import BrokenLawError, trials
from skmeta.testing.laws import LAWS

__all__ = ["LawResult", "check_algorithm", "parametrize_with_algorithm_checks"]


@dataclass(frozen=True)
class LawResult:
    """Outcome of one law, for one kind of target and one label space.

    Attributes
    ----------
    law : str
        Name of the law.
    kind : {"classifier", "regressor"}
        Kind of target.
    label_space : {"shared", "per_task"}
        Label space.
    status : {"passed", "failed", "skipped"}
        "skipped" where the law does not apply.
    exception : BrokenLawError or None
        Says what broke and by how much.
    """

    law: str
    kind: str
    label_space: str
    status: Literal["passed", "failed", "skipped"]
    exception: BrokenLawError | None = None

    def __str__(self) -> str:
        """Return one line, or the whole message of a failure."""
        line = f"{self.status:7} {self.law} ({self.kind}, {self.label_space})"
        if self.exception is None:
            return line
        return f"{line}\n{textwrap.indent(str(self.exception), ' ' * 8)}"


def check_algorithm(
    algorithm: Algorithm | str,
    *,
    backbone: Backbone | None = None,
    on_fail: Literal["raise"] | None = "raise",
    seed: int = 0,
) -> list[LawResult]:
    """Check that an algorithm keeps every law, on generated data.

    Each law of :data:`skmeta.testing.LAWS` is tried for every kind of target and label
    space that the algorithm declares. The global random state stays as it is.

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
        error is, and a hint.
    TypeError
        If ``algorithm`` is a class.

    See Also
    --------
    parametrize_with_algorithm_checks : The same, as one pytest test for each law.

    Examples
    --------
    >>> from skmeta.algorithms import ProtoNet
    >>> from skmeta.testing import check_algorithm
    >>> results = check_algorithm(ProtoNet())
    >>> print(results[0])
    passed  outputs_fit_the_task (classifier, shared)
    """
    if on_fail not in ("raise", None):
        raise ValueError(f"on_fail must be 'raise' or None, not {on_fail!r}.")
    algorithm = plugins.resolve("algorithm", algorithm)
    _refuse_class(algorithm)
    results = []
    for law in LAWS:
        for trial in trials(algorithm, backbone, seed):
            exception = None
            try:
                status = "passed" if law.test(trial) else "skipped"
            except BrokenLawError as broken:
                if on_fail == "raise":
                    raise
                status, exception = "failed", broken
            spec = trial.spec
            results.append(
                LawResult(law.name, spec.kind, spec.label_space, status, exception)
            )
    return results


def parametrize_with_algorithm_checks(algorithms: Iterable[Algorithm | str]) -> Any:
    """Make one pytest test for each algorithm and law.

    The ids read ``MAML()-padding_changes_nothing``, so that ``pytest -k`` selects.

    Parameters
    ----------
    algorithms : iterable of Algorithm or str
        Instances, or registered names.

    Returns
    -------
    pytest.MarkDecorator
        Decorates a test that takes ``algorithm`` and ``check``.

    See Also
    --------
    check_algorithm : The same in one call.

    Examples
    --------
    >>> from skmeta.algorithms import MAML, ProtoNet
    >>> from skmeta.testing import parametrize_with_algorithm_checks
    >>> @parametrize_with_algorithm_checks([ProtoNet(), MAML(inner_steps=2)])
    ... def test_keeps_the_law(algorithm, check):
    ...     check(algorithm)
    """
    import pytest  # an extra: only those who test need it

    algorithms = [plugins.resolve("algorithm", each) for each in algorithms]
    for algorithm in algorithms:
        _refuse_class(algorithm)
    return pytest.mark.parametrize(
        ("algorithm", "check"),
        [
            pytest.param(algorithm, law, id=f"{_one_line(algorithm)}-{law.name}")
            for algorithm in algorithms
            for law in LAWS
        ],
    )


def _refuse_class(algorithm: object) -> None:
    if isinstance(algorithm, type):
        raise TypeError(
            f"Pass an instance, {algorithm.__name__}(), instead of the class."
        )


def _one_line(algorithm: Algorithm) -> str:
    return " ".join(repr(algorithm).split())
