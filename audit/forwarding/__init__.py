"""Sending the sealed trail to places that the database's owner does not control."""
