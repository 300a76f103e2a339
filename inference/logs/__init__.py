"""The log of a project: its calls, and what was said in them as far as the project keeps it."""
