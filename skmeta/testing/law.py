"""What a law is, and what is raised where one is broken."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from unittest import SkipTest

from skmeta import plugins
from skmeta.algorithms.base import Algorithm
from skmeta.backbones import Backbone
from skmeta.testing.expect import BreachError
from skmeta.testing.trial import Trial

__all__ = ["BrokenLawError", "Law", "law", "trials"]


class BrokenLawError(AssertionError):
    """An algorithm breaks a law; the message says which, how far, and a hint."""


@dataclass(frozen=True)
class Law:
    """A law, to be called with an algorithm.

    Attributes
    ----------
    name : str
        Name, as in the ids of tests.
    statement : str
        What holds.
    hint : str
        Where to look if it does not.
    applies : callable
        Tells whether the law says anything about a trial.
    holds : callable
        Tries it on a trial and raises where it finds it broken.

    Examples
    --------
    >>> from skmeta.algorithms import ProtoNet
    >>> from skmeta.testing import laws
    >>> laws.padding_changes_nothing(ProtoNet())
    >>> laws.padding_changes_nothing.statement
    'Padding, in whatever place, changes neither predictions nor meta-gradient.'
    """

    name: str
    statement: str
    hint: str
    applies: Callable[[Trial], bool] = field(repr=False)
    holds: Callable[[Trial], None] = field(repr=False)

    def __call__(
        self,
        algorithm: Algorithm | str,
        *,
        backbone: Backbone | None = None,
        seed: int = 0,
    ) -> None:
        """Try the law for every kind and label space that an algorithm declares.

        Raises
        ------
        BrokenLawError
            If the law is broken.
        unittest.SkipTest
            If it says nothing about the algorithm.
        """
        algorithm = plugins.resolve("algorithm", algorithm)
        tried = [self.test(trial) for trial in trials(algorithm, backbone, seed)]
        if not any(tried):
            raise SkipTest(f"{self.name} says nothing about {algorithm}")

    def test(self, trial: Trial) -> bool:
        """Try the law on one trial.

        Parameters
        ----------
        trial : Trial
            An algorithm for one kind of target and one label space.

        Returns
        -------
        bool
            False if the law says nothing about the trial.

        Raises
        ------
        BrokenLawError
            If the law is broken.
        """
        __tracebackhide__ = True  # in pytest: the message says it all
        try:
            applies = self.applies(trial)
            if applies:
                self.holds(trial)
        except Exception as error:
            found, cause = str(error), None
            if not isinstance(error, BreachError):
                found, cause = f"{type(error).__name__}: {error}", error
            raise BrokenLawError(
                f"{trial.algorithm} breaks the law {self.name!r} as a {trial}: "
                f"{found.rstrip('.')}.\nLaw: {self.statement}\nHint: {self.hint}"
            ) from cause
        return applies


def trials(
    algorithm: Algorithm, backbone: Backbone | None = None, seed: int = 0
) -> Iterator[Trial]:
    """Make a trial for every kind and label space that an algorithm declares."""
    for declared, known in [
        ("kinds", {"classifier", "regressor"}),
        ("label_spaces", {"shared", "per_task"}),
    ]:
        values = getattr(algorithm, declared)
        if not values or not known.issuperset(values):
            raise ValueError(
                f"{declared} of {algorithm} must be a tuple of one or both of "
                f"{sorted(known)}, not {values!r}."
            )
    for kind in algorithm.kinds:
        spaces = algorithm.label_spaces if kind == "classifier" else ("shared",)
        for space in spaces:
            yield Trial(algorithm, kind, space, backbone, seed)


def law(
    hint: str, applies: Callable[[Trial], bool] = lambda trial: True
) -> Callable[[Callable[[Trial], None]], Law]:
    """Make a law of a function of a trial; its docstring is the statement."""

    def decorate(holds: Callable[[Trial], None]) -> Law:
        statement = " ".join(holds.__doc__.split())
        return Law(holds.__name__, statement, hint, applies, holds)

    return decorate
