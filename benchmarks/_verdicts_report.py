"""From verdicts to sentences and tables on pages."""

from functools import partial

from _pages import fill, rewrite
from _verdicts import NAMES

from skmeta.evaluation.wording import MetricWording
from skmeta.utils.messages import count

PAGES = ("docs/evaluate.md",)  # whose blocks hold figures
OUTCOMES = {
    "helps": "**helps**",
    "level": "no clear help",
    "hurts": "does not help",
}


def summary_lines(tables):
    """Return a sentence: how often meta-learning helps; and what is not known."""
    names = {
        each: [name for name, own in tables.items() if own["outcome"] == each]
        for each in OUTCOMES
    }
    harmed = names["hurts"]
    where = f"{len(harmed)} ({', '.join(harmed)})" if harmed else "none"
    lines = [
        f"Of {count(len(tables), 'table')}, meta-learning helps on "
        f"{len(names['helps'])}, the two cannot be told apart on "
        f"{len(names['level'])}, and the plain way is ahead on {where}."
    ]
    if missing := [name for name in NAMES if name not in tables]:
        lines.append(f"Not measured: {', '.join(missing)}.")
    return lines


def verdict_table(tables):
    """Return lines of Markdown: a verdict per table."""
    head = [
        "table",
        "tasks learnt from, new",
        "known rows",
        "meta-learner",
        "plain way",
        "score",
        "plain way's score",
        "ahead by",
        "p",
        "meta-learning",
    ]
    lines = [f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
    for name, own in tables.items():
        metric = MetricWording(own["metric"])
        gain = sum(own["gains"]) / len(own["gains"])
        row = [
            name,
            f"{own['tasks']}, {own['new tasks']}",
            str(own["shots"]),
            own["chosen"],
            own["chosen plain"],
            metric.show(own["score"]),
            metric.show(own["score of plain"]),
            f"{metric.show_gain(gain)} ± {metric.show_gain(own['half width'])[1:]}",
            f"{own['p']:.2g}" if own["p"] >= 1e-4 else "< 0.0001",
            OUTCOMES[own["outcome"]],
        ]
        lines.append(f"| {' | '.join(row)} |")
    return lines


BLOCKS = {"summary": summary_lines, "table": verdict_table}


def filled(text, results):
    """Return a page whose blocks ``<!-- verdicts: WHAT -->`` hold the figures.

    WHAT is "summary" or "table", perhaps with "with rivals" behind.
    """

    def lines_of(what):
        what, _, section = what.partition(" with ")
        return BLOCKS[what](results[f"with {section}" if section else "tables"])

    return fill(text, "verdicts", lines_of)


def fill_pages(results):
    """Write the figures where pages show them."""
    rewrite(PAGES, partial(filled, results=results))
