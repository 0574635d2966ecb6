"""Check anything that has a name against the laws of its kind."""

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from skmeta.testing.law import BrokenLawError, Law, name_of, subject_of

__all__ = ["LawResult", "run_laws", "tests_of_laws"]


@dataclass(frozen=True)
class LawResult:
    """Outcome of one law, in one situation.

    Attributes
    ----------
    law : str
        Name of the law.
    case : str
        The situation, such as "classifier, shared"; empty where there is only one.
    status : {"passed", "failed", "skipped"}
        "skipped" where the law does not apply.
    exception : BrokenLawError or None
        Says what broke and by how much.
    """

    law: str
    case: str
    status: Literal["passed", "failed", "skipped"]
    exception: BrokenLawError | None = None

    def __str__(self) -> str:
        """Return one line, or the whole message of a failure."""
        line = f"{self.status:7} {self.law}"
        if self.case:
            line += f" ({self.case})"
        if self.exception is None:
            return line
        return f"{line}\n{textwrap.indent(str(self.exception), ' ' * 8)}"


def run_laws(
    laws: Iterable[Law], thing: Any, on_fail: str | None, **options: Any
) -> list[LawResult]:
    """Try laws in every situation; return a result for each."""
    __tracebackhide__ = True
    if on_fail not in ("raise", None):
        raise ValueError(f"on_fail must be 'raise' or None, not {on_fail!r}.")
    results = []
    for law in laws:
        for trial in law.trials(subject_of(law.kind, thing), **options):
            exception = None
            status: Literal["passed", "failed", "skipped"]
            try:
                status = "passed" if law.test(trial) else "skipped"
            except BrokenLawError as broken:
                if on_fail == "raise":
                    raise
                status, exception = "failed", broken
            results.append(LawResult(law.name, trial.case, status, exception))
    return results


def tests_of_laws(laws: Sequence[Law], kind: str, things: Iterable[Any]) -> Any:
    """Return a pytest mark that makes one test for each thing and law."""
    import pytest  # an extra: only those who test need it

    return pytest.mark.parametrize(
        (kind, "check"),
        [
            pytest.param(thing, law, id=f"{name_of(thing)}-{law.name}")
            for thing in [subject_of(kind, each) for each in things]
            for law in laws
        ],
    )
