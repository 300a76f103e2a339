"""Pages of settings: for platform administrators, and without a secret on them."""

import pytest
from django.core.cache import cache
from django.db import connection

from audit.models import Entry
from configuration.models import StoredSetting
from configuration.services import TEST_GROUP, update_section
from restai_site.lib.configuration import current, sections
from restai_site.lib.drf import MASK
from restai_site.tests.limits import redis_away, use_up_tests
from restai_site.tests.world import SYSTEM

PAGE = "/settings/sample"
SECRET = "s3cret-of-the-sample"
SENT = {"place": "here", "key": "", "count": "5", "colour": "red", "names": "ada"}


@pytest.fixture
def browser(world, as_user):
    cache.clear()
    return as_user(world.platform_admin)


@pytest.mark.parametrize("path", ["/settings", PAGE, "/settings/mail", "/settings/about"])
def test_settings_are_for_platform_administrators(client, as_user, world, sample, path):
    assert client.get(path).url.startswith("/login?next=")
    for user in (world.outsider, world.viewer, world.team_admin):
        assert as_user(user).get(path).status_code == 403
    assert as_user(world.platform_admin).get(path, follow=True).status_code == 200


@pytest.mark.parametrize("path", [PAGE, f"{PAGE}/test"])
def test_others_change_nothing(client, as_user, world, sample, path):
    assert client.post(path, SENT | {"count": "7"}).url.startswith("/login?next=")
    for user in (world.outsider, world.viewer, world.team_admin):
        assert as_user(user).post(path, SENT | {"count": "7"}).status_code == 403
    assert not StoredSetting.objects.exists()
    assert not Entry.objects.filter(action__startswith="settings.").exists()


def test_the_first_page_is_that_of_the_first_section(browser):
    assert browser.get("/settings").url == f"/settings/{sections()[0].slug}"


def test_a_section_that_is_not_there_is_not_found(browser):
    for path in ("/settings/nothing-like-this", "/settings/nothing-like-this/test"):
        assert browser.post(path).status_code == 404


def test_a_page_shows_a_field_for_each_setting(browser, sample):
    page = browser.get(PAGE).content.decode()
    for label in ("Place", "Key", "Count", "Open to all", "Colour", "Names"):
        assert label in page
    assert "Where it is." in page
    assert "Default: 5." in page
    assert "\nada</textarea>" in page
    assert "Try it" in page
    assert 'href="/settings/about"' in page


def test_values_are_saved(browser, sample):
    sent = SENT | {"count": "7", "open": "on", "colour": "blue", "names": "b\r\n\r\n c \r\nb"}
    answer = browser.post(PAGE, sent | {"key": SECRET})
    assert answer.url == PAGE
    values = current(sample)
    assert (values.count, values.open, values.colour, values.names, values.key) == (
        7,
        True,
        "blue",
        ("b", "c"),
        SECRET,
    )
    assert set(Entry.objects.acts().latest("id").changes) == {
        "count",
        "open",
        "colour",
        "names",
        "key",
    }


def test_a_stored_secret_shows_its_date_alone(browser, sample):
    update_section(sample, {"key": SECRET}, actor=SYSTEM)
    StoredSetting.objects.update(set_at="2026-11-03T10:00:00Z")
    page = browser.get(PAGE).content.decode()
    assert "Set on 3 Nov 2026. Leave empty to keep it." in page
    assert "Replace the key" in page
    assert "Remove the stored key" in page
    assert SECRET not in page
    assert MASK not in page
    assert "value=" not in page.partition('name="key"')[2].partition(">")[0]


@pytest.mark.parametrize("sent", ["", "   ", MASK])
def test_saving_without_a_secret_keeps_the_one_that_is_stored(browser, sample, sent):
    update_section(sample, {"key": SECRET}, actor=SYSTEM)
    assert browser.post(PAGE, SENT | {"key": sent, "count": "7"}).status_code == 302
    assert current(sample).key == SECRET
    assert list(Entry.objects.acts().latest("id").changes) == ["count"]


def test_a_secret_is_removed_on_purpose(browser, sample):
    update_section(sample, {"key": SECRET}, actor=SYSTEM)
    assert browser.post(PAGE, SENT | {"clear_key": "on"}).status_code == 302
    assert current(sample).key == ""
    assert "Remove the stored key" not in browser.get(PAGE).content.decode()


def test_a_new_destination_asks_for_the_secret_beside_its_field(browser, sample):
    update_section(sample, {"key": SECRET}, actor=SYSTEM)
    answer = browser.post(PAGE, SENT | {"place": "evil.example"})
    assert answer.status_code == 400
    assert "key" in answer.context["form"].errors
    assert current(sample).place == "here"
    assert browser.post(PAGE, SENT | {"place": "there", "key": SECRET}).status_code == 302


def test_a_refused_form_does_not_repeat_the_secret(browser, sample):
    answer = browser.post(PAGE, SENT | {"key": SECRET, "count": "11"})
    assert answer.status_code == 400
    assert SECRET not in answer.content.decode()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("place", "nul\0"),
        ("place", "x" * 501),
        ("place", "a\u202eb"),
        ("key", "x" * 4097),
        ("count", "11"),
        ("count", ""),
        ("count", "five"),
        ("count", "9" * 5000),
        ("colour", "green"),
        ("colour", ""),
        ("names", "x" * 501),
        ("names", "\n".join(map(str, range(201)))),
        ("names", "nul\0"),
    ],
)
def test_a_wrong_value_is_refused_beside_its_field(browser, sample, field, value):
    answer = browser.post(PAGE, SENT | {field: value})
    assert answer.status_code == 400
    assert list(answer.context["form"].errors) == [field]
    assert not StoredSetting.objects.exists()


def test_what_the_environment_fixes_is_shown_locked(browser, sample, monkeypatch):
    monkeypatch.setenv("SAMPLE_COUNT", "3")
    monkeypatch.setenv("SAMPLE_KEY", SECRET)
    page = browser.get(PAGE).content.decode()
    for name in ("SAMPLE_COUNT", "SAMPLE_KEY"):
        assert f"Fixed by the environment variable <code>{name}</code>" in page
    assert SECRET not in page
    fields = browser.get(PAGE).context["form"].fields
    assert [name for name, field in fields.items() if field.disabled] == ["key", "count"]
    assert "clear_key" not in fields
    sent = SENT | {"count": "9", "key": "mine", "clear_key": "on", "names": "b"}
    assert browser.post(PAGE, sent).status_code == 302
    assert (current(sample).count, current(sample).key) == (3, SECRET)
    assert list(Entry.objects.acts().latest("id").changes) == ["names"]


def test_a_secret_that_cannot_be_decrypted_is_told_and_can_be_replaced(browser, sample):
    update_section(sample, {"key": SECRET}, actor=SYSTEM)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE configuration_storedsetting SET secret = 'gAAAAnonsense'")
    page = browser.get(PAGE).content.decode()
    assert "but cannot be decrypted with the keys of this server: enter it again." in page
    assert "nonsense" not in page
    assert browser.post(PAGE, SENT | {"key": "new"}).status_code == 302
    assert current(sample).key == "new"


def test_a_test_tells_what_works_and_what_does_not(browser, world, sample):
    page = browser.post(f"{PAGE}/test").content.decode()
    assert "The saved settings work" in page
    assert f"{world.platform_admin.email} finds here." in page
    update_section(sample, {"place": "nowhere"}, actor=SYSTEM)
    page = browser.post(f"{PAGE}/test").content.decode()
    assert "The saved settings do not work" in page
    assert "Nothing is there." in page


def test_a_test_too_many_is_told_in_the_place_of_the_result(browser, admin, sample):
    use_up_tests(TEST_GROUP, admin)
    answer = browser.post(f"{PAGE}/test")
    assert answer.status_code == 429
    assert 1 <= int(answer["Retry-After"]) <= 60
    page = answer.content.decode()
    assert "Not tested" in page
    assert "That was too often: wait" in page


def test_without_redis_a_test_is_told_to_be_unavailable(browser, sample, settings):
    with redis_away(settings):
        answer = browser.post(f"{PAGE}/test")
    assert answer.status_code == 503
    assert "Not tested" in answer.content.decode()


def test_a_section_without_a_test_has_no_button(browser):
    assert 'id="probe"' not in browser.get("/settings/models").content.decode()
    assert browser.post("/settings/models/test").status_code == 404


def test_a_page_asks_few_questions(browser, sample, django_assert_max_num_queries):
    update_section(sample, {"count": 7, "key": SECRET}, actor=SYSTEM)
    with django_assert_max_num_queries(7):
        browser.get(PAGE)


def test_pages_hold_no_inline_script_or_style(browser, sample):
    for path in (PAGE, "/settings/mail", "/settings/models", "/settings/about"):
        page = browser.get(path).content.decode()
        for forbidden in (" style=", "<style", " onclick=", "javascript:", "<script>"):
            assert forbidden not in page, (path, forbidden)
