"""The words of the report: how a metric is called, how a score is written."""

from __future__ import annotations

import math

from skmeta.evaluation.targets import power_of_unit

__all__ = ["MetricWording", "show_p"]

_NAMES = {
    "r2": "R²",
    "roc_auc": "AUC",
    "roc_auc_ovr": "AUC (one against the rest)",
    "roc_auc_ovo": "AUC (one against one)",
    "neg_log_loss": "log-loss",
    "neg_brier_score": "Brier score",
    "f1_macro": "F1 (mean of classes)",
}


class MetricWording:
    """How a scikit-learn metric is called, and its scores are written, for people.

    scikit-learn negates errors so that more is better; people read them as they are.

    Parameters
    ----------
    name : str
        Such as "accuracy" or "neg_mean_absolute_error".
    n_targets : int, default=1
        Targets. Of several, errors are in units of the standard deviation of each.

    Examples
    --------
    >>> from skmeta.evaluation.wording import MetricWording
    >>> error = MetricWording("neg_mean_absolute_error")
    >>> error.title, error.show(-12.3456), error.better
    ('mean absolute error', '12.3', 'lower')
    """

    def __init__(self, name: str, n_targets: int = 1):
        self.name = name
        self.n_targets = n_targets
        self.is_scaled = n_targets > 1 and power_of_unit(name) > 0
        self.is_error = name.startswith("neg_")
        plain = name.removeprefix("neg_").replace("_", " ")
        self.own_title = _NAMES.get(name, plain)
        self.title = f"{'scaled ' * self.is_scaled}{self.own_title}"
        self.sign = -1.0 if self.is_error else 1.0
        self.better = "lower" if self.is_error else "higher"

    @property
    def said_of_targets(self) -> str:
        """How one score is made of several targets; empty of a single one."""
        if self.n_targets == 1:
            return ""
        text = f"A score is the mean over {self.n_targets} targets"
        if not self.is_scaled:
            return f"{text}."
        unit = "standard deviation"
        if power_of_unit(self.name) == 2:
            unit = "variance"
        return (
            f"{text}; “scaled”: of each in units of its {unit} over the tasks to learn "
            "from."
        )

    def show(self, score: float) -> str:
        """Write a score, errors without scikit-learn's minus."""
        return _number(self.sign * score)

    def show_gain(self, gain: float) -> str:
        """Write a difference of scores with its sign, plus being better."""
        return f"{'+' if gain >= 0 else '−'}{_number(abs(gain))}"


def show_p(value: float) -> str:
    """Write a p-value, two digits of it."""
    if not value >= 0.0001:
        return "–" if math.isnan(value) else "< 0.0001"
    return f"{value:.2g}"


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "–"
    if abs(value) < 1:
        text = f"{value:.3f}"
    elif abs(value) < 1000:
        text = f"{value:#.3g}".rstrip(".")
    elif abs(value) < 1e6:
        text = f"{value:,.0f}"
    else:
        text = f"{value:.1e}"
    return text.replace("-", "−")
