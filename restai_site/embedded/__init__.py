"""The embedded default: a private PostgreSQL, Valkey and language model that `make run` starts.

The server imports nothing from here. With DATABASE_URL and REDIS_URL set none of it starts.
"""
