"""
Grid search over algorithms in a Pipeline
=========================================

Which algorithm, which backbone, which scaling? The same search as for any estimator,
over folds of whole tasks, judged by the metric that counts: here the log-loss after ten
rows of a new task.
"""

# %%
# scikit-learn passes ``groups`` on to the last step of a Pipeline, and to the scorer,
# only while metadata routing is on.

import matplotlib.pyplot as plt
import pandas as pd
import sklearn
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import RobustScaler, StandardScaler

import skmeta
from skmeta import MetaClassifier
from skmeta.algorithms import ANIL, ProtoNet
from skmeta.datasets import load_movielens
from skmeta.model_selection import few_shot_scorer

sklearn.set_config(enable_metadata_routing=True)

films = load_movielens()
viewers = films.groups_train.unique()[:120]
some = films.groups_train.isin(viewers)
X, y, groups = films.X_train[some], films.y_train[some], films.groups_train[some]

# %%
# An algorithm is a name or an object, and its parameters are in reach of the grid. No
# viewers are held out for early stopping: the search holds out its own.

meta = MetaClassifier(
    "maml", n_shot=10, max_epochs=3, early_stopping=False, random_state=0
)
pipe = make_pipeline(StandardScaler(), meta)
grid = [
    {
        "metaclassifier__algorithm": [ProtoNet()],
        "metaclassifier__algorithm__distance": ["euclidean", "cosine"],
        "standardscaler": [StandardScaler(), RobustScaler()],
    },
    {
        "metaclassifier__algorithm": ["maml", ANIL(inner_steps=2)],
        "metaclassifier__backbone": ["linear", "mlp"],
    },
]

# %%
# ``few_shot_scorer`` runs the episodes itself: every held-out viewer is learnt from ten
# ratings and judged on the others.

search = GridSearchCV(
    pipe,
    grid,
    scoring=few_shot_scorer("neg_log_loss", n_shot=10),
    cv=GroupKFold(2),
    error_score="raise",
)
search.fit(X, y, groups=groups)
results = pd.DataFrame(search.cv_results_)
columns = [name for name in results if name.startswith("param_")]
results = results[[*columns, "mean_test_score"]].rename(
    columns=lambda name: name.removeprefix("param_").removeprefix("metaclassifier__")
)
results = results.sort_values("mean_test_score", ascending=False)
print(results.round(3).to_string())

# %%
# What was tried, the best at the top.

tried = results.drop(columns="mean_test_score").itertuples(index=False)
names = [", ".join(str(value) for value in row if pd.notna(value)) for row in tried]
fig, ax = plt.subplots(figsize=(7, 3), layout="constrained")
ax.plot(results["mean_test_score"], names, "o")
ax.invert_yaxis()
ax.locator_params(axis="x", nbins=4)
ax.set_xlabel("score of learning new viewers, mean over folds")
plt.show()

# %%
# The winner meets a viewer of whom nothing was known: adapted through the scaler, then
# asked as any Pipeline.

viewer = films.groups_test.iloc[0]
own = films.groups_test == viewer
X_new, y_new = films.X_test[own], films.y_test[own]
best = skmeta.adapt(search.best_estimator_, X_new[:10], y_new[:10])
print(
    f"right for viewer {viewer}: {(best.predict(X_new[10:]) == y_new[10:]).mean():.0%}"
)

# %%
# For several tasks at once, ask ``search.best_estimator_.predict(X, groups=...)``:
# ``search.predict`` takes ``X`` alone, whatever is routed.
