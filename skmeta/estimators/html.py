"""What notebooks show of a meta-learner: its diagram, and a table of what it learnt."""

from html import escape
from typing import Any

from skmeta.utils.doc_links import DocLinkMixin

__all__ = ["HTMLReprMixin", "html_rows"]

# Colours come from the page, so that the table reads on light and dark ones.
_TABLE = """
<table class="skmeta-learnt" style="border-collapse: collapse; margin: .5em 0 0;
 font: .85em/1.45 system-ui, sans-serif; color: inherit;">
<caption style="text-align: left; font-weight: 600; padding: 0 0 .2em;">{caption}
</caption><tbody>{rows}</tbody></table>
"""
_ROW = (
    '<tr style="background: none;"><th scope="row" style="text-align: left; '
    'font-weight: 400; opacity: .7; padding: .05em 1.2em .05em 0;">{name}</th>'
    '<td style="text-align: left; padding: .05em 0;">{value}</td></tr>'
)


class HTMLReprMixin(DocLinkMixin):
    """Adds what was learnt to scikit-learn's HTML repr."""

    def _html_rows(self) -> dict[str, str]:
        """Return what the table says, by row; empty before ``fit``."""
        raise NotImplementedError

    def _repr_html_inner(self) -> str:
        html, learnt = super()._repr_html_inner(), self._html_rows()
        if not learnt:
            return html
        rows = "".join(
            _ROW.format(name=escape(name), value=escape(value))
            for name, value in learnt.items()
        )
        return html + _TABLE.format(caption="What it has learnt", rows=rows)

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        bundle = super()._repr_mimebundle_(**kwargs)
        if "text/html" in bundle:
            bundle["text/html"] = self._repr_html_inner()
        return bundle


def html_rows(meta: Any) -> dict[str, str]:
    """Tell what a meta-learner knows, and of what task it knows it.

    Parameters
    ----------
    meta : MetaClassifier or MetaRegressor
        Fitted or not.

    Returns
    -------
    dict of str to str
        Plain text by the title of its row; empty before ``fit``.
    """
    if not hasattr(meta, "module_"):
        return {}
    rows = {}
    if hasattr(meta, "label_space_"):
        meaning = {
            "shared": "a label means the same in every task",
            "per_task": "labels are names inside one task",
        }[meta.label_space_]
        rows["label space"] = f"{meta.label_space_}: {meaning}"
    if hasattr(meta, "n_tasks_"):
        rows["learnt from"] = f"{meta.n_tasks_:,} {_units(meta)}"
    rows["rows have"] = f"{meta.n_features_in_:,} features"
    weights = sum(weight.numel() for weight in meta.module_.parameters())
    rows["meta-knowledge"] = f"{weights:,} weights"
    epochs = [epoch for epoch in getattr(meta, "history_", []) if "train_loss" in epoch]
    if epochs:
        rows["epochs"] = str(len(epochs))
        judged = [epoch for epoch in epochs if "valid_loss" in epoch]
        if judged:
            best = min(judged, key=lambda epoch: epoch["valid_loss"])
            rows["best validation"] = f"loss {best['valid_loss']:.4g}" + (
                f", epoch {best['epoch']}" if "epoch" in best else ""
            )
    rows["current task"] = _current_task(meta)
    return rows


def _units(meta: Any) -> str:
    if meta.tasks == "groups":
        return "tasks"
    return "classes of one table" if meta.tasks == "classes" else "rows of one table"


def _current_task(meta: Any) -> str:
    adapted = meta.adapted_
    if adapted is None:
        return "none: call adapt(X, y)"
    if adapted.names is None:
        answer = "one, without a name"
    else:
        names = [str(name) for name in adapted.names[:5].tolist()]
        more = ", …" if len(adapted.names) > 5 else ""
        answer = f"{len(adapted.names):,} of groups {', '.join(names)}{more}"
    if adapted.labels is not None:
        labels = [str(label) for label in meta.classes_[:6].tolist()]
        more = ", …" if len(meta.classes_) > 6 else ""
        answer += f"; classes {', '.join(labels)}{more}"
    return answer
