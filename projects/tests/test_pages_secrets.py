"""The page of a project's secrets: for its editors, and never with a value on it."""

import pytest
from django.template.defaultfilters import date as format_date

from audit.models import Entry
from projects.models import ProjectSecret
from projects.tests.secrets import VALUE, keep, lose_the_key

LEAKS = ("hunter2", "秘密", "gAAAA")


def path_of(world, *rest) -> str:
    return "/".join([f"/projects/{world.project.pk}/secrets", *map(str, rest)])


@pytest.fixture
def editor(world, as_user):
    return as_user(world.editor)


@pytest.fixture
def secret(world):
    return keep(world.project, TOKEN=VALUE)["TOKEN"]


def rows():
    return list(ProjectSecret.objects.order_by("pk").values())


# --- Doors ------------------------------------------------------------------------------------


def test_who_is_not_signed_in_is_sent_to_the_log_in(client, world, secret):
    for path in (path_of(world), path_of(world, secret.pk)):
        assert client.get(path).url == f"/login?next={path}"
        assert client.post(path, {"name": "A", "value": "x"}).status_code == 302
    assert client.post(path_of(world, secret.pk, "delete")).status_code == 302
    assert [row["name"] for row in rows()] == ["TOKEN"]


@pytest.mark.parametrize(
    ("role", "status"),
    [("viewer", 403), ("member", 404), ("outsider", 404), ("outsider_admin", 404)],
)
def test_the_denied_see_and_change_nothing(world, as_user, secret, role, status):
    browser = as_user(getattr(world, role))
    before, entries = rows(), Entry.objects.acts().count()
    sent = {"name": "MINE", "value": "x", "description": "x"}
    answers = [
        browser.get(path_of(world)),
        browser.post(path_of(world), sent),
        browser.get(path_of(world, secret.pk)),
        browser.post(path_of(world, secret.pk), sent),
        browser.post(path_of(world, secret.pk, "delete")),
    ]
    assert [answer.status_code for answer in answers] == [status] * 5
    assert not any("TOKEN" in answer.content.decode() for answer in answers)
    assert (rows(), Entry.objects.acts().count()) == (before, entries)


@pytest.mark.parametrize("role", ["editor", "team_admin", "platform_admin"])
def test_editors_and_admins_find_the_tab_and_open_it(world, as_user, secret, role):
    browser = as_user(getattr(world, role))
    assert path_of(world) in browser.get(f"/projects/{world.project.pk}").content.decode()
    for path in (path_of(world), path_of(world, secret.pk)):
        assert browser.get(path).status_code == 200


def test_viewers_have_no_such_tab(world, as_user):
    page = as_user(world.viewer).get(f"/projects/{world.project.pk}").content.decode()
    assert "/secrets" not in page


def test_a_secret_of_another_project_is_not_reached_through_ones_own(world, as_user, secret):
    others = [
        keep(world.other_project, THEIRS="theirs")["THEIRS"],
        keep(world.shared_project, SHARED="shared")["SHARED"],
    ]
    browser, before = as_user(world.team_admin), rows()
    for other in others:
        answers = [
            browser.get(path_of(world, other.pk)),
            browser.post(path_of(world, other.pk), {"value": "x"}),
            browser.post(path_of(world, other.pk, "delete")),
        ]
        assert [answer.status_code for answer in answers] == [404] * 3
    assert rows() == before


# --- What it says -----------------------------------------------------------------------------


def test_it_says_how_to_refer_to_a_secret_and_when_it_was_set(world, editor, secret):
    page = editor.get(path_of(world)).content.decode()
    assert "<code>{{secret.NAME}}</code>" in page
    assert "TOKEN" in page
    assert "set on <time" in page
    assert f">{format_date(secret.set_at, 'j M Y')}</time>" in page
    assert "The platform" in page
    assert "<code>{{secret.TOKEN}}</code>" in editor.get(path_of(world, secret.pk)).content.decode()


def test_it_names_who_set_the_value(world, editor, secret):
    editor.post(path_of(world, secret.pk), {"value": "new"})
    assert f"<td>{world.editor.display_name}</td>" in editor.get(path_of(world)).content.decode()


def test_an_empty_list_says_what_belongs_here(world, editor, secret):
    assert "No secrets yet" not in editor.get(path_of(world)).content.decode()
    assert "No secret found" in editor.get(f"{path_of(world)}?q=zzz").content.decode()
    editor.post(path_of(world, secret.pk, "delete"))
    page = editor.get(path_of(world)).content.decode()
    assert "No secrets yet" in page
    assert "Search secrets" not in page


def test_descriptions_are_text(world, editor):
    sent = {"name": "A", "value": "x", "description": "<img src=x onerror=alert(1)>"}
    editor.post(path_of(world), sent)
    assert "<img src=x" not in editor.get(path_of(world)).content.decode()


# --- What it does -----------------------------------------------------------------------------


def test_a_secret_is_added(world, editor):
    sent = {"name": "TOKEN", "value": "  one\r\ntwo \r\n", "description": "Payments"}
    assert editor.post(path_of(world), sent).url == path_of(world)
    made = ProjectSecret.objects.get()
    assert (made.name, made.value, made.description) == ("TOKEN", "  one\ntwo \n", "Payments")
    assert (made.project, made.set_by) == (world.project, world.editor)
    assert "The secret TOKEN is stored." in editor.get(path_of(world)).content.decode()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "token"),
        ("name", "A" * 65),
        ("name", "TOKEN"),
        ("value", ""),
        ("value", "nul\0"),
        ("value", "x" * 8193),
        ("description", "x" * 501),
    ],
)
def test_what_is_wrong_stands_beside_the_field_and_nothing_is_made(
    world, editor, secret, field, value
):
    before = rows()
    sent = {"name": "NEW", "value": "hunter2 again", field: value}
    answer = editor.post(path_of(world), sent)
    assert answer.status_code == 400
    assert list(answer.context["form"].errors) == [field]
    # What was sent comes back to be corrected, except for the value.
    assert 'value="hunter2' not in answer.content.decode()
    assert not any(leak in answer.content.decode() for leak in LEAKS)
    assert rows() == before


def test_a_hundred_and_first_secret_is_refused_in_words(world, editor):
    keep(world.project, **{f"S{number}": "x" for number in range(100)})
    answer = editor.post(path_of(world), {"name": "ONE_MORE", "value": "hunter2"})
    assert answer.status_code == 400
    assert "A project has 100 secrets at most" in answer.content.decode()
    assert "hunter2" not in answer.content.decode()
    assert ProjectSecret.objects.count() == 100


def test_a_value_is_replaced(world, editor, secret):
    sent = {"value": "hunter2 again", "description": "New"}
    assert editor.post(path_of(world, secret.pk), sent).url == path_of(world)
    secret.refresh_from_db()
    assert (secret.value, secret.description) == ("hunter2 again", "New")
    assert secret.set_by == world.editor


def test_an_empty_field_keeps_the_value(world, editor, secret):
    editor.post(path_of(world, secret.pk), {"value": "", "description": "New"})
    after = ProjectSecret.objects.get()
    assert (after.value, after.description, after.set_at) == (VALUE, "New", secret.set_at)


def test_a_wrong_new_value_is_refused_and_not_repeated(world, editor, secret):
    before = rows()
    answer = editor.post(path_of(world, secret.pk), {"value": "hunter2" * 2000})
    assert answer.status_code == 400
    assert list(answer.context["form"].errors) == ["value"]
    assert "hunter2" not in answer.content.decode()
    assert rows() == before


def test_a_name_cannot_be_changed(world, editor, secret):
    editor.post(path_of(world, secret.pk), {"name": "OTHER", "description": "New"})
    secret.refresh_from_db()
    assert (secret.name, secret.description) == ("TOKEN", "New")


def test_a_secret_is_deleted_after_a_question(world, editor, secret):
    page = editor.get(path_of(world)).content.decode()
    assert f'<form method="post" action="{path_of(world, secret.pk, "delete")}">' in page
    assert "Tools and connectors that refer to TOKEN fail from now on." in page
    assert editor.post(path_of(world, secret.pk, "delete")).url == path_of(world)
    assert rows() == []
    assert Entry.objects.acts().latest("id").action == "project_secret.delete"
    assert editor.post(path_of(world, secret.pk, "delete")).status_code == 404


def test_no_page_of_the_project_holds_a_value(world, editor, secret):
    editor.post(path_of(world, secret.pk), {"value": f"{VALUE}2"})
    pages = ["", "/prompt", "/api", "/secrets", f"/secrets/{secret.pk}", "/access", "/settings"]
    for page in pages:
        answer = editor.get(f"/projects/{world.project.pk}{page}")
        assert answer.status_code == 200
        assert not any(leak in answer.content.decode() for leak in LEAKS)


def test_with_a_lost_key_the_page_opens_and_a_value_is_set_anew(world, editor, secret, monkeypatch):
    lose_the_key(monkeypatch)
    for path in (path_of(world), path_of(world, secret.pk)):
        assert editor.get(path).status_code == 200
    assert editor.post(path_of(world, secret.pk), {"value": "again"}).status_code == 302
    assert ProjectSecret.objects.get().value == "again"


def test_the_list_is_paged_searched_and_sorted(world, editor):
    keep(world.project, **{f"S{number:02}": "x" for number in range(30)})
    shown = editor.get(path_of(world)).context["table"]
    assert ([row.name for row in shown.rows][:2], len(shown.rows)) == (["S00", "S01"], 25)
    assert len(editor.get(f"{path_of(world)}?page=2").context["table"].rows) == 5
    found = editor.get(f"{path_of(world)}?q=s07").context["table"].rows
    assert [row.name for row in found] == ["S07"]
    newest = editor.get(f"{path_of(world)}?sort=-set").context["table"].rows
    assert newest[0].name == "S29"


def test_questions_do_not_grow_with_secrets(world, editor, secret, django_assert_num_queries):
    editor.get(path_of(world))
    for count in (0, 24):
        keep(world.project, **{f"S{number:02}": "x" for number in range(count)})
        for digit, user in (("1", world.editor), ("2", world.team_admin)):
            ProjectSecret.objects.filter(name__endswith=digit).update(set_by=user)
        with django_assert_num_queries(9):
            assert editor.get(path_of(world)).status_code == 200
        with django_assert_num_queries(8):
            assert editor.get(path_of(world, secret.pk)).status_code == 200


# --- Administration ---------------------------------------------------------------------------


def test_operators_see_that_there_are_secrets_and_not_their_values(world, as_user, secret):
    admin = as_user(world.platform_admin)
    home = "/admin/projects/projectsecret/"
    change = f"{home}{secret.pk}/change/"
    for path in (home, f"{home}?q=TOK", change, f"{change}?_popup=1"):
        page = admin.get(path).content.decode()
        assert "TOKEN" in page
        assert not any(leak in page for leak in LEAKS)
        assert 'name="value"' not in page
    before = rows()
    for path in (change, f"{home}add/", f"{home}{secret.pk}/delete/"):
        assert admin.post(path, {"value": "x", "post": "yes"}).status_code == 403
    assert rows() == before


def test_the_administration_opens_with_a_lost_key(world, as_user, secret, monkeypatch):
    lose_the_key(monkeypatch)
    admin = as_user(world.platform_admin)
    home = "/admin/projects/projectsecret/"
    for path in (home, f"{home}{secret.pk}/change/"):
        assert admin.get(path).status_code == 200
