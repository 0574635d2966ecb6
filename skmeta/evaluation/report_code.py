"""The code of the report: Python that repeats what it shows."""

from __future__ import annotations

from skmeta.evaluation.findings import Result

__all__ = ["loading_code", "training_code"]

_TRAINING = """\
import numpy as np
import skmeta
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from skmeta import make_preprocessor
from {package} import {estimator}
from skmeta.evaluation import make_problem, {reader}

table = {reading}
problem = make_problem(
    table, {options}
)
X, y, groups = problem.train

clip = FunctionTransformer(np.clip, kw_args={{"a_min": -4, "a_max": 4}})
preprocessor = make_pipeline(make_preprocessor(), StandardScaler(), clip)
meta = {estimator}(
{parameters})
meta.fit(preprocessor.fit_transform(X), y, groups=groups{given})
model = make_pipeline(preprocessor, meta)

# A new task: learn from a few labelled rows of it, answer the others.
X_new, y_new, groups_new = problem.test
own = groups_new == groups_new[0]
X_own, y_own = X_new[own], y_new[own]
{few}
skmeta.adapt(model, X_own[few], y_own[few])
print(model.predict(X_own[~few]), y_own[~few])
"""

_LOADING = """\
import joblib
import skmeta

model = joblib.load({path!r})  # a pipeline, from the columns of the table on
skmeta.adapt(model, X_few, y_few).predict(X_new)
"""


def training_code(result: Result, source: str) -> str:
    """Write the code that trains the chosen meta-learner and adapts it to a new task.

    Parameters
    ----------
    result : Result
        What was found.
    source : str
        Path of the table.

    Returns
    -------
    str
        Python; what comes from the table stands in it as literals.
    """
    estimator = result.estimator_name
    parameters = result.parameters[result.choice.meta]
    options = {key: value for key, value in result.options.items() if value is not None}
    few = f"few = np.arange(len(y_own)) < {result.verdict.duel.shots}"
    if result.problem.in_support is not None:
        few = "few = problem.test_support[own]"
    given = (
        ""
        if result.problem.in_support is None
        else (", in_support=problem.train_support")
    )
    reader, words = "table_of", ["tasks"]
    if source != "a MetaDataset":
        named = "table" if source == "a DataFrame" else repr(source)
        reader, words = "read_table", [named]
        words += [f"{k}={v!r}" for k, v in result.reading.items() if v is not None]
    return _TRAINING.format(
        estimator=estimator,
        package="skmeta" if "algorithm" in parameters else "skmeta.ensemble",
        reader=reader,
        reading=f"{reader}({', '.join(words)})",
        given=given,
        few=few,
        options=", ".join(f"{key}={value!r}" for key, value in options.items()),
        parameters="".join(
            f"    {name}={value!r},\n" for name, value in parameters.items()
        ),
    )


def loading_code(result: Result) -> str:
    """Write the code that loads the saved model; empty if none was saved."""
    return _LOADING.format(path=result.saved) if result.saved else ""
