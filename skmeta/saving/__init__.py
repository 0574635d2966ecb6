"""Save a fitted estimator: one file of weights and JSON, without any code.

The file is in the safetensors format. Weights and other arrays are its tensors; all
else is a JSON document in its metadata. Nothing in it is run when it is loaded: it says
names that skmeta looks up in the plugin registry, and values.
"""

from typing import TYPE_CHECKING

from skmeta.utils.lazily import offers

if TYPE_CHECKING:
    from skmeta.saving.estimators import from_state, load, save, to_state
    from skmeta.saving.kinds import TRUSTED_TYPES

__all__ = ["TRUSTED_TYPES", "from_state", "load", "save", "to_state"]

__getattr__, __dir__ = offers(
    __name__,
    {
        "estimators": ["from_state", "load", "save", "to_state"],
        "kinds": ["TRUSTED_TYPES"],
    },
)
