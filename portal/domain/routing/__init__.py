"""Which way a message goes, and what a failure on that way means."""
