"""What a result shows of itself in a notebook."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from skmeta.evaluation.report_tables import benefit, score_rows
from skmeta.utils.messages import count

if TYPE_CHECKING:
    from skmeta.evaluation.findings import Result

__all__ = ["summary"]

_CELL = "padding:.2em .7em;text-align:{};font-variant-numeric:tabular-nums"
_COLOURS = {"helps": "#1f8a5f", "level": "#a07000", "hurts": "#c04f2c"}


def summary(result: Result) -> str:
    """Write the verdict and the scores as a piece of HTML.

    Parameters
    ----------
    result : Result
        What was found.

    Returns
    -------
    str
        Takes its colours from the notebook; what comes from the table is escaped.
    """
    verdict, metric = result.verdict, result.metric
    heads = ["learner", *(count(shots, "row") for shots in result.shots), "p"]
    head = "".join(_cell("th", text, place) for place, text in enumerate(heads))
    rows = ""
    for row in score_rows(result):
        cells = [f"{row['name']} ({row['tag']})"]
        cells += [f"{c['score']} {c['interval']}".strip() for c in row["cells"]]
        cells.append(row["p"])
        shown = "".join(_cell("td", text, place) for place, text in enumerate(cells))
        rows += f"<tr>{shown}</tr>"
    title = f"{metric.title}, {metric.better} is better, on new tasks"
    return (
        '<div style="max-width:60em">'
        f'<p style="font-size:1.2em;font-weight:600;margin:.3em 0;'
        f'border-left:.3em solid {_COLOURS[verdict.outcome]};padding-left:.6em">'
        f"{escape(verdict.headline)}</p>"
        f"<p>{escape(verdict.text)} {escape(benefit(result))}</p>"
        '<div style="overflow-x:auto"><table>'
        f'<caption style="text-align:left">{escape(title)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
        "<p><code>.report(path)</code> writes the whole report, "
        "<code>.best_estimator_</code> is the recommended learner, "
        "<code>.scores_</code> has every score.</p></div>"
    )


def _cell(tag: str, text: str, place: int) -> str:
    style = _CELL.format("right" if place else "left")
    return f'<{tag} style="{style}">{escape(text)}</{tag}>'
