"""
Personalising from ten ratings
==============================

A new viewer has rated ten films. Which of the others will she like?

A viewer is a task: her rows are the films she rated, her label whether she liked them.
``fit`` learns from many viewers how to learn one; ``adapt`` learns the new one.
"""

# %%
# 387 viewers to learn from, 166 who are new. Features describe the film only.

import matplotlib.pyplot as plt
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmeta import MetaClassifier
from skmeta.datasets import load_movielens
from skmeta.model_selection import few_shot_curve

films = load_movielens()
meta = MetaClassifier("protonet", n_shot=(0, 20), max_epochs=10, random_state=0)
meta.fit(films.X_train, films.y_train, groups=films.groups_train)

# %%
# One new viewer, ten ratings. The more she liked a film, the higher it should stand.

viewer = films.groups_test.iloc[0]
own = films.groups_test == viewer
X, y = films.X_test[own], films.y_test[own]
meta.adapt(X[:10], y[:10])
likes = meta.predict_proba(X[10:])[:, 1]
best = likes.argsort()[::-1][:10]
print(f"viewer {viewer}: of the ten films that stand highest she likes", end=" ")
print(f"{int(y[10:].iloc[best].sum())}, of all films {y[10:].mean():.0%}")

# %%
# New viewers: the share of right answers against the ratings seen, next to a logistic
# regression of each viewer alone, as a plain estimator is fitted per task. It has no
# answer before the first rating.

logistic = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))
viewers = films.groups_test.unique()[:60]
some = films.groups_test.isin(viewers)
curve = few_shot_curve(
    {"prototypical network": meta, "logistic regression per viewer": logistic},
    films.X_test[some],
    films.y_test[some],
    films.groups_test[some],
    shots=(0, 1, 2, 5, 10, 20),
    metric="accuracy",
    n_repeats=1,
)
print(curve.round(3).to_string(index=False))

# %%
# Bands are 95 % confidence intervals over viewers.

figure, axes = plt.subplots(layout="constrained")
for name, part in curve.groupby("estimator", sort=False):
    (line,) = axes.plot(part.shots, part.score, "o-", label=name)
    axes.fill_between(
        part.shots, part.low, part.high, color=line.get_color(), alpha=0.15, lw=0
    )
axes.set(xlabel="ratings seen", ylabel="accuracy, mean over new viewers")
axes.set_xticks([0, 1, 2, 5, 10, 20])
axes.legend(loc="lower right")
plt.show()
