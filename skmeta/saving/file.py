"""The file: JSON and tensors in one safetensors file, whole or not at all."""

import hashlib
import json
import platform

import numpy as np
import safetensors
import sklearn
import skorch
import torch
from safetensors.torch import load as unpack_tensors
from safetensors.torch import save as pack_tensors

from skmeta._version import __version__
from skmeta.exceptions import LoadError

__all__ = ["FORMAT", "pack", "pack_text", "unpack"]

# Raised when a file of today could not be read by the code of yesterday.
FORMAT = 3

# How pickles of the protocols of today begin, which joblib writes as well.
_PICKLE = (b"\x80\x04\x95", b"\x80\x05\x95")


def pack(content: dict, tensors: dict[str, torch.Tensor]) -> bytes:
    """Return the bytes of a file.

    Parameters
    ----------
    content : dict
        JSON.
    tensors : dict of str to Tensor
        What the JSON names.

    Returns
    -------
    bytes
        In the safetensors format.
    """
    document = {
        "format": FORMAT,
        "versions": {
            "skmeta": __version__,
            "torch": str(torch.__version__),
            "scikit-learn": sklearn.__version__,
            "skorch": skorch.__version__,
            "safetensors": safetensors.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
        **content,
    }
    return pack_text(json.dumps(document, allow_nan=False), tensors)


def pack_text(text: str, tensors: dict[str, torch.Tensor]) -> bytes:
    """Return the bytes of a file, given its JSON as text; the same for the same."""
    header, body = _split(pack_tensors(tensors))
    metadata = {"skmeta": text, "sha256": _digest(text, header, body)}
    # safetensors itself writes metadata in any order.
    head = json.dumps({"__metadata__": metadata, **header}, separators=(",", ":"))
    head += " " * (-len(head) % 8)  # tensors begin at multiples of 8
    return len(head).to_bytes(8, "little") + head.encode() + body


def unpack(data: bytes) -> tuple[dict, dict[str, torch.Tensor]]:
    """Return the JSON and the tensors of a file, checked.

    Raises
    ------
    LoadError
        If the file is damaged, is of another kind or of a later format.
    """
    try:
        header, body = _split(data)
        metadata = header.pop("__metadata__", {})
        text, digest = metadata.get("skmeta"), metadata.get("sha256")
        document = None if text is None else json.loads(text)
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        if data.startswith(_PICKLE):
            raise LoadError(
                "It is a pickle, as joblib writes one of a whole Pipeline. Load it "
                "with joblib.load if you trust who wrote it: a pickle runs code."
            ) from error
        raise LoadError("It is damaged, or was not written by skmeta.") from error
    if not isinstance(document, dict) or not isinstance(document.get("format"), int):
        raise LoadError("It was not written by skmeta.")
    if document["format"] > FORMAT:
        versions = document.get("versions")
        writer = versions.get("skmeta", "?") if isinstance(versions, dict) else "?"
        raise LoadError(
            f"It has format {document['format']}, of skmeta {writer}; this skmeta "
            f"reads formats up to {FORMAT}. Upgrade skmeta."
        )
    if _digest(text, header, body) != digest:
        raise LoadError("It is damaged: its contents do not agree with its checksum.")
    try:
        return document, unpack_tensors(data)
    except Exception as error:  # safetensors raises any kind of them
        raise LoadError(f"It is damaged: {error}.") from error


def _split(data: bytes) -> tuple[dict, bytes]:
    size = int.from_bytes(data[:8], "little")
    if len(data) < 8 + size:
        raise ValueError("shorter than its header")
    return json.loads(data[8 : 8 + size]), data[8 + size :]


def _digest(text: str, header: dict, body: bytes) -> str:
    sums = hashlib.sha256()
    for part in (text, json.dumps(header, sort_keys=True)):
        sums.update(f"{len(part)} {part}".encode())
    sums.update(body)
    return sums.hexdigest()
