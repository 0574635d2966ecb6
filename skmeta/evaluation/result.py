"""What an evaluation gives back, which shows itself."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from skmeta.evaluation.findings import Result
from skmeta.evaluation.notebook import summary
from skmeta.evaluation.report import render

__all__ = ["Evaluation"]


@dataclass
class Evaluation(Result):
    """What was found, with a face for notebooks and a report.

    Parameters and attributes are those of
    :class:`skmeta.evaluation.findings.Result`: ``best_estimator_`` is the recommended
    learner as a Pipeline, ``scores_`` has every score on new tasks.
    """

    @classmethod
    def of(cls, result: Result) -> Evaluation:
        """Take what was found."""
        return cls(**{each.name: getattr(result, each.name) for each in fields(result)})

    def report(self, path: str | Path) -> Path:
        """Write the report.

        Parameters
        ----------
        path : str or Path
            One HTML file, which needs no network.

        Returns
        -------
        Path
            Where it is.
        """
        page = Path(path)
        text = render(self, command=self.command, source=self.source)
        page.write_text(text, encoding="utf-8")
        return page

    def _repr_html_(self) -> str:
        return summary(self)
