"""Argon2 is slow on purpose; the tests hash with the same algorithm at the least cost."""

from django.contrib.auth.hashers import Argon2PasswordHasher

# Passes, KiB and lanes of the platform, which the tests hold against what it is meant to cost.
COSTS = (
    Argon2PasswordHasher.time_cost,
    Argon2PasswordHasher.memory_cost,
    Argon2PasswordHasher.parallelism,
)


def make_quick() -> None:
    """Let the hashes of this process cost next to nothing; servers of tests work as ever."""
    Argon2PasswordHasher.time_cost = 1
    Argon2PasswordHasher.memory_cost = 8
    Argon2PasswordHasher.parallelism = 1
