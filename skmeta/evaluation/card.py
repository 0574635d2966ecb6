"""The model card: what is in a saved model, beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from skmeta.evaluation.report_code import loading_code
from skmeta.evaluation.report_data import describe_data
from skmeta.evaluation.report_tables import benefit, score_rows
from skmeta.utils.messages import count

if TYPE_CHECKING:
    from skmeta.evaluation.findings import Result

__all__ = ["write_card"]


def write_card(result: Result, path: Path) -> None:
    """Write a model card of the recommended learner, by ``skops.card``.

    Parameters
    ----------
    result : Result
        What was found.
    path : Path
        A Markdown file.
    """
    from skops.card import Card

    problem, verdict = result.problem, result.verdict
    card = Card(result.best_estimator_, template=None)
    uses = (
        f"Answers {problem.quoted} of a new {problem.group_column} from a few of its "
        f"rows: {problem.kind}, by {result.recommended}."
    )
    card.add(
        **{
            "Model description": _text(uses),
            "Model description/Training data": _text(describe_data(problem)),
            "Evaluation": _text(f"{verdict.headline} {verdict.text} {benefit(result)}"),
        }
    )
    if problem.caution:
        card.add(**{"Evaluation/Caution": _text(problem.caution)})
    heads = ["learner", *(count(shots, "row") for shots in result.shots)]
    table: dict[str, list[str]] = {name: [] for name in heads}
    for row in score_rows(result):
        shown = [row["name"], *(f"{c['score']} {c['interval']}" for c in row["cells"])]
        for name, text in zip(heads, shown, strict=True):
            table[name].append(_text(text.strip()))
    metric = result.metric
    card.add_table(
        description=f"{metric.title}, {metric.better} is better, on new tasks.",
        **{"Evaluation/Scores": table},
    )
    if result.saved:
        card.add(**{"How to use": f"```python\n{loading_code(result)}```"})
    given = result.fitted[result.recommended].get_params(deep=False)
    values = [_text(repr(value)) for value in given.values()]
    if given:
        card.add_table(**{"Parameters": {"parameter": list(given), "value": values}})
    card.save(path)


def _text(text: str) -> str:
    """Keep what comes from a table from being markup."""
    for mark in "\\`*_<>|[]#":
        text = text.replace(mark, "&lt;" if mark == "<" else f"\\{mark}")
    return text.replace("\n", " ")
