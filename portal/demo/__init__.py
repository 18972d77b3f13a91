"""A platform, its mail servers and its DNS zone, all on this machine, to try Waypost with."""
