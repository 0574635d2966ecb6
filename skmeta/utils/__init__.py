"""Small tools that know nothing of meta-learning, nor of the rest of skmeta."""
