"""The words of an entry: the name of its target, and what it says of fields."""

from django.contrib.postgres.search import SearchVectorField
from django.db.models import Func, TextField
from django.db.models.functions import Cast

# Longer entries are found by their first words: the database refuses vectors of over a megabyte.
# `simple`: names are no language.
WORDS = Func(
    "target_name",
    Cast("changes", TextField()),
    # In this order, which is that of migrations: Django compares the two as they were given.
    arg_joiner=" || ' ' || ",
    template="to_tsvector('simple', left(%(expressions)s, 20000))",
    output_field=SearchVectorField(),
)
