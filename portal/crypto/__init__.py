"""Sealing, hashing and signing."""
