"""The settings as the type checker sees them: no secrets, no engines."""

import os

os.environ.setdefault(
    "SECRET_KEY", "abcdefghijklmnopqrstuvwxyz0123456789-for-the-type-checker-only"
)
os.environ.setdefault(
    "API_KEY_PEPPER", "zyxwvutsrqponmlkjihgfedcba9876543210-for-the-type-checker-only"
)
os.environ.setdefault("FIELD_ENCRYPTION_KEY", "dHlwZS1jaGVja2VyLW9ubHktbm90LWEtc2VjcmV0LTE=")
os.environ.setdefault("DATABASE_URL", "postgresql://nobody@localhost/nothing")
os.environ.setdefault("REDIS_URL", "redis://localhost:1/0")

from restai_site.settings import *  # noqa: F403
