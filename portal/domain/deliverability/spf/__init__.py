"""SPF, Sender Policy Framework (RFC 7208): which servers may send with a domain in MAIL FROM."""
