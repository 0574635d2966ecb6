"""The demo: meta-learning predicts which films a new viewer will like."""

from skmeta.demo.films import run

__all__ = ["run"]
