"""The root of the REST API."""
