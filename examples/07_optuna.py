"""
Tuning with Optuna
==================

A search that learns from its own trials. Two parameters matter most: the learning rate
of meta-training, and how many support rows an episode has.

Needs ``pip install optuna``.
"""

# %%
# Training tasks, and tasks to choose by. Neither are the new viewers, who are asked at
# the very end.

import matplotlib.pyplot as plt
import optuna

from skmeta import MetaClassifier
from skmeta.datasets import load_movielens
from skmeta.model_selection import TaskSplit, few_shot_scorer

films = load_movielens()
viewers = films.groups_train.unique()[:150]
some = films.groups_train.isin(viewers)
X, y, groups = films.X_train[some], films.y_train[some], films.groups_train[some]
train, valid = next(TaskSplit(test_size=0.3).split(X, y, groups))
X_train, y_train, groups_train = X.iloc[train], y.iloc[train], groups.iloc[train]
X_valid, y_valid, groups_valid = X.iloc[valid], y.iloc[valid], groups.iloc[valid]

# %%
# A trial is a fit and a few-shot score. The scorer splits every task the same way in
# all trials, so that they differ by their parameters only.

scorer = few_shot_scorer("neg_log_loss", n_shot=10)


def objective(trial):
    meta = MetaClassifier(
        "protonet",
        lr=trial.suggest_float("lr", 1e-4, 1e-1, log=True),
        n_shot=trial.suggest_int("n_shot", 1, 20),
        max_epochs=3,
        random_state=0,
    )
    meta.fit(X_train, y_train, groups=groups_train)
    return scorer(meta, X_valid, y_valid, groups=groups_valid)


optuna.logging.set_verbosity(optuna.logging.WARNING)
study = optuna.create_study(
    direction="maximize", sampler=optuna.samplers.TPESampler(seed=0)
)
study.optimize(objective, n_trials=8)
trials = study.trials_dataframe(attrs=("params", "value"))
print(trials.sort_values("value", ascending=False).round(4).to_string(index=False))

# %%
# Where it looked, and what it found there.

fig, ax = plt.subplots(figsize=(6, 3), layout="constrained")
points = ax.scatter(trials["params_lr"], trials["params_n_shot"], c=-trials["value"])
ax.set(xscale="log", xlabel="lr", ylabel="n_shot")
ax.yaxis.get_major_locator().set_params(integer=True)
fig.colorbar(points, label="log-loss after ten ratings")
plt.show()

# %%
# The best of them on viewers that had no say in the choice.

best = MetaClassifier("protonet", max_epochs=3, random_state=0, **study.best_params)
best.fit(X, y, groups=groups)
score = scorer(best, films.X_test, films.y_test, groups=films.groups_test)
print(f"log-loss on new viewers after ten ratings: {-score:.3f}")
