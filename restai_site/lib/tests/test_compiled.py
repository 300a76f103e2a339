"""Compiled queries give what the queryset gives."""

import pytest

from accounts.models import User
from catalog.models import ProviderAccount
from restai_site.lib.compiled import CompiledQuery
from restai_site.tests.world import make_user


def test_each_call_gets_the_row_of_its_own_values(db, django_assert_num_queries):
    query = CompiledQuery(lambda pk: User.objects.filter(pk=pk).values_list("pk", "email"), pk=int)
    one, two = make_user("one"), make_user("two")
    for user in (one, two, one):
        with django_assert_num_queries(1):
            assert query.first(pk=user.pk) == (user.pk, user.email)
    assert query.first(pk=0) is None


def test_values_are_never_part_of_the_sql(db):
    query = CompiledQuery(
        lambda email: User.objects.filter(email=email).values_list("pk"), email=str
    )
    make_user("one")
    assert query.first(email="' OR 1=1 --") is None
    assert query.first(email="%s") is None


def test_fields_are_converted_as_the_queryset_converts_them(db):
    ProviderAccount.objects.create(name="p", kind="openai", api_key="sk-plain")
    query = CompiledQuery(
        lambda name: ProviderAccount.objects.filter(name=name).values_list("api_key"), name=str
    )
    assert query.first(name="p") == ("sk-plain",)


def test_a_value_that_the_query_does_not_use_is_an_error(db):
    query = CompiledQuery(lambda pk: User.objects.values_list("pk"), pk=int)
    with pytest.raises(ValueError, match="pk"):
        query.first(pk=1)
