"""Measures the delivery engine against its peers: ``python -m bench SCENARIO`` (RESULTS.md has the last figures)."""
