"""Who learns the tables with groups, by name, and what one of them costs."""

import warnings
from time import process_time

import numpy as np
import torch
from _grouped import MIN_PROBABILITY, load, split, task_losses
from threadpoolctl import threadpool_limits

from skmeta import MetaClassifier, MetaRegressor, plugins
from skmeta.ensemble import MetaStackingClassifier, MetaStackingRegressor
from skmeta.model_selection import plain_ways

N_SHOT = (1, 10)
MAX_EPOCHS = 60  # of an algorithm that is asked for by its name


def make_default(kind, seed):
    estimator = MetaClassifier if kind == "classifier" else MetaRegressor
    return estimator(n_shot=N_SHOT, random_state=seed)


def make_stack(kind, seed):
    stack = MetaStackingClassifier if kind == "classifier" else MetaStackingRegressor
    return stack(n_shot=N_SHOT, random_state=seed)


def make_named(algorithm, kind, seed):
    """Return a meta-learner of an installed algorithm."""
    parameters = {"n_shot": N_SHOT, "max_epochs": MAX_EPOCHS, "random_state": seed}
    if kind == "classifier":
        return MetaClassifier(algorithm, label_space="shared", **parameters)
    return MetaRegressor(algorithm, **parameters)


def algorithm_names(kind):
    """Return the installed algorithms that learn such tables; a template is none."""
    return [
        name
        for name in plugins.names("algorithm")
        if name != "template"
        and kind in plugins.get("algorithm", name).kinds
        and "shared" in plugins.get("algorithm", name).label_spaces
    ]


def learner_names(kind):
    """Return plain ways, then the default and the stack, then algorithms."""
    return [*plain_names(kind), "default", "stack", *algorithm_names(kind)]


def plain_names(kind):
    return list(plain_ways(kind))


def make_learner(name, kind, seed):
    """Return what goes by a name.

    Raises
    ------
    ValueError
        If nothing does.
    """
    if name in ("default", "stack"):
        return {"default": make_default, "stack": make_stack}[name](kind, seed)
    plain = plain_ways(kind, random_state=seed)
    return plain[name] if name in plain else make_named(name, kind, seed)


def measure(name, table_name, seed, inner=False, n_old=None):
    """Learn from the old tasks of a table, and be judged on the new ones.

    Everything runs in one thread, and seconds are of processor time, which other work
    on the machine does not lengthen. ``inner`` parts the tasks to learn from once more
    and leaves the new ones out, for choosing what is chosen by hand. ``n_old`` leaves
    so many tasks to learn from.

    Returns
    -------
    dict, None if the learner is not for this kind of target: the loss and the seconds
    of answers by the number of known rows, and the seconds of ``fit``. Who raises, or
    answers with what is no number, has ``error`` and no loss.
    """
    table = load(table_name)
    if name not in learner_names(table.kind):
        return None
    if inner:
        table = table.take(split(table.groups, seed)[0])
    old, new = split(table.groups, seed)
    if n_old is not None:
        tasks = np.unique(table.groups[old])
        few = np.random.default_rng(seed).permutation(tasks)[:n_old]
        old = old[np.isin(table.groups[old], few)]
    learner = make_learner(name, table.kind, seed)
    record = {"loss": dict.fromkeys(map(str, new)), "fit": None, "answer": {}}
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            judge(learner, table, old, new, record)
    except Exception as error:  # whatever it is, the learner is of no use here
        record["error"] = f"{type(error).__name__}: {error}"[:200]
        record["loss"] = dict.fromkeys(map(str, new))
    finally:
        torch.set_num_threads(n_threads)
    return record


def judge(learner, table, old, new, record):
    """Fill in what fit takes, and for each size what answers take and cost."""
    start = process_time()
    learner.fit(table.X[old], table.y[old], groups=table.groups[old])
    record["fit"] = process_time() - start
    variance = table.y[old].var()
    for size, (known, asked) in new.items():
        start = process_time()
        learner.adapt(table.X[known], table.y[known], groups=table.groups[known])
        answers = answer(learner, table.take(asked), table.n_classes)
        record["answer"][str(size)] = process_time() - start
        groups = table.groups[asked]
        loss = task_losses(table.kind, table.y[asked], answers, groups, variance).mean()
        if not np.isfinite(loss):
            raise ArithmeticError(f"a loss of {loss} after {size} rows")
        record["loss"][str(size)] = loss


def answer(learner, asked, n_classes):
    """Return values, or probabilities with a column for every class of the table."""
    if asked.kind == "regressor":
        return learner.predict(asked.X, groups=asked.groups)
    out = np.full((len(asked.y), n_classes), MIN_PROBABILITY)
    out[:, learner.classes_] = learner.predict_proba(asked.X, groups=asked.groups)
    return out
