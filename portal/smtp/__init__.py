"""The SMTP client: the address guard, TLS, the conversation, connections and their pool."""
