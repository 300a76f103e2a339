"""Provider accounts and models in Django's admin: by the services, with the secret kept."""

import pytest
from django.urls import reverse

from audit.models import Entry
from catalog.models import LLM, ProviderAccount
from restai_site.tests.canaries import canary

LIST = "/admin/catalog/provideraccount/"


@pytest.fixture
def admin(world, as_user):
    return as_user(world.platform_admin)


def change(admin, provider, **values):
    path = reverse("admin:catalog_provideraccount_change", args=[provider.pk])
    form = {"name": provider.name, "kind": provider.kind, "base_url": provider.base_url}
    answer = admin.post(path, form | values)
    provider.refresh_from_db()
    return answer


def test_the_secret_is_on_no_page(admin, world):
    path = reverse("admin:catalog_provideraccount_change", args=[world.provider.pk])
    for page in (LIST, path, f"{path}?_popup=1", f"{LIST}?q=Test"):
        text = admin.get(page).content.decode()
        assert canary("provider key") not in text
        assert "gAAAA" not in text


def test_saving_without_a_secret_keeps_the_one_that_is_stored(admin, world):
    assert change(admin, world.provider, name="Renamed").status_code == 302
    assert (world.provider.name, world.provider.api_key) == ("Renamed", canary("provider key"))
    entry = Entry.objects.acts().latest("id")
    assert (entry.action, list(entry.changes)) == ("provider.update", ["name"])


def test_a_new_secret_is_stored_and_noted_only_as_changed(admin, world):
    assert change(admin, world.provider, new_api_key="sk-new-secret").status_code == 302
    assert world.provider.api_key == "sk-new-secret"
    assert "sk-new-secret" not in str(Entry.objects.acts().latest("id").changes)


def test_a_secret_is_removed_on_purpose(admin, world):
    assert change(admin, world.provider, clear_api_key="on").status_code == 302
    assert (world.provider.api_key, world.provider.api_key_set_at) == ("", None)


def test_a_new_destination_without_the_secret_is_explained_on_the_form(admin, world):
    before = world.provider.base_url
    answer = change(admin, world.provider, base_url="http://evil.example/v1")
    assert answer.status_code == 200
    assert "enter the API key again" in answer.content.decode()
    assert world.provider.base_url == before


def test_an_account_is_made_by_the_service(admin):
    form = {"name": "New", "kind": "openai", "base_url": "", "new_api_key": "sk-x"}
    assert admin.post(f"{LIST}add/", form).status_code == 302
    made = ProviderAccount.objects.get(name="New")
    assert (made.api_key, made.api_key_set_at is None) == ("sk-x", False)
    assert Entry.objects.acts().latest("id").action == "provider.create"


def test_what_is_in_use_is_deleted_neither_alone_nor_in_bulk(admin, world):
    alone = reverse("admin:catalog_llm_delete", args=[world.llm.pk])
    assert admin.post(alone, {"post": "yes"}).status_code == 302
    spare = LLM.objects.create(name="spare", provider=world.provider, litellm_model="m")
    chosen = [spare.pk, world.llm.pk]
    data = {"action": "delete_selected", "_selected_action": chosen, "post": "yes"}
    answer = admin.post("/admin/catalog/llm/", data, follow=True)
    assert "still in use" in answer.content.decode()
    assert LLM.objects.filter(pk__in=chosen).count() == 2
    assert not Entry.objects.filter(action="llm.delete").exists()


def test_a_bulk_deletion_leaves_an_entry_for_each_row(admin, world):
    rows = [
        LLM.objects.create(name=f"spare{n}", provider=world.provider, litellm_model="m")
        for n in range(3)
    ]
    data = {"action": "delete_selected", "_selected_action": [row.pk for row in rows]}
    assert admin.post("/admin/catalog/llm/", {**data, "post": "yes"}).status_code == 302
    assert not LLM.objects.filter(name__startswith="spare").exists()
    assert Entry.objects.filter(action="llm.delete").count() == 3


def test_a_model_is_changed_by_the_service(admin, world):
    path = reverse("admin:catalog_llm_change", args=[world.llm.pk])
    form = {
        "name": "renamed",
        "provider": world.provider.pk,
        "litellm_model": "mock",
        "enabled": "on",
        "context_window": 4096,
        "input_price_per_million": 1,
        "output_price_per_million": 2,
        "capabilities": ["vision"],
    }
    assert admin.post(path, form).status_code == 302
    world.llm.refresh_from_db()
    assert (world.llm.name, world.llm.capabilities) == ("renamed", ["vision"])
    assert set(Entry.objects.acts().latest("id").changes) == {"name", "capabilities"}
