"""The laws of algorithms, and what it takes to try them."""
