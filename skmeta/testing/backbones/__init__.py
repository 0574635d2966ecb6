"""The laws of backbones, and what it takes to try them."""
