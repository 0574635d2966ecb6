"""Save a fitted estimator: one file of weights and JSON, without any code.

The file is in the safetensors format. Weights and other arrays are its tensors; all
else is a JSON document in its metadata. Nothing in it is run when it is loaded: it says
names that skmeta looks up in the plugin registry, and values.
"""

from skmeta.saving.estimators import TRUSTED_TYPES, load, save

__all__ = ["TRUSTED_TYPES", "load", "save"]
