"""Rows and the transactions that change them."""
