"""Addresses, messages and what a server answers to them."""
