"""What a law is, and what is raised where one is broken."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self
from unittest import SkipTest

from skmeta import plugins

__all__ = [
    "BreachError",
    "BrokenLawError",
    "Law",
    "Trial",
    "lawmaker",
    "name_of",
    "subject_of",
]


class BrokenLawError(AssertionError):
    """A law is broken; the message says which, how far, the smallest case and a hint.

    Attributes
    ----------
    finding : str
        What is wrong, and by how much.
    smallest_case : str
        The smallest sizes at which it is, empty where a law knows none.
    """

    finding: str = ""
    smallest_case: str = ""


class BreachError(Exception):
    """What a law found to be wrong."""


class Trial:
    """Something on trial, in one situation; what the laws of its kind are tried on."""

    subject: Any
    """The thing to check."""

    def __init__(self, subject: Any, /, **options: Any):
        self.subject = subject

    @property
    def case(self) -> str:
        """The situation: "classifier, shared"; empty if there is only one."""
        return ""

    @property
    def size(self) -> str:
        """How large the generated data are: "3 tasks of 6 rows"; empty if fixed."""
        return ""

    @classmethod
    def trials(cls, subject: Any, /, *args: Any, **options: Any) -> Iterator[Self]:
        """Make a trial for every situation, with options of the check of its kind."""
        yield cls(subject, *args, **options)

    def smaller(self) -> Iterator[Self]:
        """Go through the same situation with less data, the least first."""
        return iter(())


@dataclass(frozen=True)
class Law:
    """A law, to be called with what has to keep it.

    Attributes
    ----------
    name : str
        Name, as in the ids of tests.
    statement : str
        What holds.
    hint : str
        Where to look if it does not.
    kind : str
        Kind of thing that keeps it, "algorithm" for example.
    trials : callable
        Makes the situations in which it is tried.
    applies : callable
        Tells whether the law says anything about a trial.
    holds : callable
        Tries it on a trial and raises where it finds it broken.

    Examples
    --------
    >>> from skmeta.algorithms import ProtoNet
    >>> from skmeta.testing.algorithms import laws
    >>> laws.padding_changes_nothing(ProtoNet())
    >>> laws.padding_changes_nothing.statement
    'Padding, in whatever place, changes neither predictions nor meta-gradient.'
    """

    name: str
    statement: str
    hint: str
    kind: str
    trials: Callable[..., Iterable[Trial]] = field(repr=False)
    applies: Callable[[Any], bool] = field(repr=False)
    holds: Callable[[Any], None] = field(repr=False)

    def __call__(self, thing: Any, **options: Any) -> None:
        """Try the law in every situation that a thing declares.

        Parameters
        ----------
        thing : object or str
            What to check, or its registered name.
        **options
            As of the check of its kind, ``check_algorithm`` for example.

        Raises
        ------
        BrokenLawError
            If the law is broken.
        unittest.SkipTest
            If it says nothing about the thing.
        """
        __tracebackhide__ = True
        thing = subject_of(self.kind, thing)
        tried = [self.test(trial) for trial in self.trials(thing, **options)]
        if not any(tried):
            raise SkipTest(f"{self.name} says nothing about {name_of(thing)}")

    def test(self, trial: Trial) -> bool:
        """Try the law in one situation.

        Returns
        -------
        bool
            False if the law says nothing about it.

        Raises
        ------
        BrokenLawError
            If the law is broken, in the smallest case that is found.
        """
        __tracebackhide__ = True  # in pytest: the message says it all
        try:
            if not self.applies(trial):
                return False
            error = self._try(trial)
        except Exception as raised:
            error = raised
        if error is None:
            return True
        for smaller in trial.smaller():
            found = self._try(smaller)
            # Of two kinds of error the smaller case may have one of its own.
            if type(found) is type(error):
                trial, error = smaller, found
                break
        cause = None if isinstance(error, BreachError) else error
        raise self._broken(trial, error) from cause

    def _try(self, trial: Trial) -> Exception | None:
        try:
            self.holds(trial)
        except Exception as error:
            return error
        return None

    def _broken(self, trial: Trial, error: Exception) -> BrokenLawError:
        finding = str(error)
        if not isinstance(error, BreachError):
            finding = f"{type(error).__name__}: {error}"
        situation = f" ({trial.case})" if trial.case else ""
        lines = [
            f"{name_of(trial.subject)} breaks the law {self.name!r}{situation}: "
            f"{finding.rstrip('.')}."
        ]
        if trial.size:
            lines.append(f"Smallest case: {trial.size}.")
        hint = self.hint
        if {"float", "double"} <= {*re.findall(r"\b(float|double)\b", finding.lower())}:
            hint = (
                "laws are tried in double precision: keep the type of the rows, as "
                ".to(X.dtype) does, and .float() does not."
            )
        lines += [f"Law: {self.statement}", f"Hint: {hint}"]
        broken = BrokenLawError("\n".join(lines))
        broken.finding, broken.smallest_case = finding, trial.size
        return broken


def lawmaker(kind: str, trials: Callable[..., Iterable[Trial]]) -> Callable:
    """Return a decorator, called with a hint, that makes laws for a kind of thing.

    The law is a function of a trial that raises where it is broken; its docstring is
    the statement.
    """

    def law(
        hint: str, applies: Callable[[Any], bool] = lambda trial: True
    ) -> Callable[[Callable[[Any], None]], Law]:
        def decorate(holds: Callable[[Any], None]) -> Law:
            statement = " ".join((holds.__doc__ or "").split())
            return Law(holds.__name__, statement, hint, kind, trials, applies, holds)

        return decorate

    return law


def subject_of(kind: str, thing: Any) -> Any:
    """Return what to check: what a name stands for, or the thing itself.

    Raises
    ------
    TypeError
        If it is a class.
    """
    if isinstance(thing, type):
        raise TypeError(f"Pass an instance, {thing.__name__}(), instead of the class.")
    return plugins.resolve(kind, thing)


def name_of(thing: Any) -> str:
    """Describe what is checked in one line, the same in every process.

    A test's id must not change from one process to the next, or pytest-xdist, which
    compares those of its workers, refuses to run. Memory addresses do.
    """
    name = getattr(thing, "__qualname__", None) or repr(thing)  # of a function
    return " ".join(re.sub(r" at 0x[0-9a-fA-F]+", "", name).split())
