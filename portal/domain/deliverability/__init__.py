"""Whether receivers will believe mail from a domain: what the DNS says, read and judged without asking it."""
