"""Tenants: teams, their members, and the models granted to them."""
