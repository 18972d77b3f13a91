"""What is true of mail, routes and people, without a socket, clock, database or web framework."""
