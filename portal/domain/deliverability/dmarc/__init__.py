"""DMARC (RFC 9989, May 2026): what receivers shall do with mail that only claims to be from a domain."""
