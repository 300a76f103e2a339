"""Identity providers on loopback: a certified implementation, and one that lies."""
