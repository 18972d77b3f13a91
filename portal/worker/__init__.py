"""The process that takes messages from the outbox and sends them."""
