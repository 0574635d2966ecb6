"""The demo: meta-learning predicts which films a new viewer will like."""
