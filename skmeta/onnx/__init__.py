"""Adapted tasks and meta-learners as files of ONNX: ``pip install "skmeta[onnx]"``."""

from skmeta.onnx.export import prior_answers, to_onnx

__all__ = ["prior_answers", "to_onnx"]
