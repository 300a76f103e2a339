"""Erasing a team: everything in it goes, in small steps, and then it."""
