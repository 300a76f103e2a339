"""The access matrix: every route, every method, every role."""
