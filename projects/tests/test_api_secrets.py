"""/api/projects/{id}/secrets: written, listed and deleted, and never read back."""

import json

import pytest

from audit.models import Entry
from projects.models import ProjectSecret
from projects.tests.secrets import VALUE, everything_logged, keep, lose_the_key
from restai_site.lib.drf import MASK
from restai_site.tests.tables import tables_holding
from restai_site.tests.world import SYSTEM
from teams.services import remove_member


def path_of(project, secret=None) -> str:
    return f"/api/projects/{project.pk}/secrets" + (f"/{secret.pk}" if secret else "")


@pytest.fixture
def editor(world, api_as):
    """A program with a key of the editor's: keys may do what their owners may."""
    return api_as(world.editor)


@pytest.fixture
def secret(world):
    return keep(world.project, TOKEN=VALUE)["TOKEN"]


def rows():
    return list(ProjectSecret.objects.order_by("pk").values())


def test_a_secret_is_made_and_shown_with_a_mask(world, editor):
    body = {"name": "TOKEN", "value": VALUE, "description": "Payments"}
    answer = editor.post(path_of(world.project), body)
    made = ProjectSecret.objects.get()
    assert answer.status_code == 201
    assert answer.json() == {
        "id": made.pk,
        "name": "TOKEN",
        "value": MASK,
        "description": "Payments",
        "set_at": made.set_at.isoformat().replace("+00:00", "Z"),
        "set_by": world.editor.pk,
        "created_at": made.created_at.isoformat().replace("+00:00", "Z"),
    }
    assert (made.value, made.project) == (VALUE, world.project)


def test_no_answer_page_entry_or_table_holds_the_value(world, as_user):
    browser = as_user(world.platform_admin)
    path = path_of(world.project)
    new = {"name": "TOKEN", "value": VALUE}

    def send(method, address, body, accept="application/json"):
        text, headers = json.dumps(body), {"Accept": accept}
        return browser.generic(method, address, text, "application/json", headers=headers)

    answers = [send("POST", path, new)]
    one = path_of(world.project, ProjectSecret.objects.get())
    answers += [
        send("PATCH", one, {"value": f"{VALUE}2"}),
        send("PATCH", one, {"value": VALUE, "description": "x" * 501}),
        send("POST", path, new),
    ]
    assert [answer.status_code for answer in answers] == [201, 200, 400, 409]
    for accept in ("application/json", "text/html"):
        answers += [
            browser.get(address, headers={"Accept": accept})
            for address in (path, one, "/api/audit", f"/api/projects/{world.project.pk}")
        ]
        answers.append(send("PATCH", one, {"value": VALUE, "description": "New"}, accept))
        answers.append(send("PATCH", one, {"value": [VALUE]}, accept))
    for answer in answers:
        assert not any(part in answer.content.decode() for part in ("hunter2", "秘密", "gAAAA"))
    assert "hunter2" not in str(list(Entry.objects.values()))
    assert tables_holding("hunter2") == []


def test_no_request_logs_the_value(world, editor, caplog):
    with everything_logged(caplog):
        editor.post(path_of(world.project), {"name": "TOKEN", "value": VALUE})
        one = path_of(world.project, ProjectSecret.objects.get())
        editor.patch(one, {"value": f"{VALUE}2"})
        editor.patch(one, {"value": "hunter2" * 2000})
        editor.get(one)
        editor.delete(one)
    assert 'INSERT INTO "projects_projectsecret"' in caplog.text
    assert not any(part in caplog.text for part in ("hunter2", "秘密"))


@pytest.mark.parametrize("sent", [{}, {"value": MASK}, {"value": ""}])
def test_the_mask_or_nothing_keeps_the_value(world, editor, secret, sent):
    answer = editor.patch(path_of(world.project, secret), {"description": "New", **sent})
    assert answer.status_code == 200
    secret.refresh_from_db()
    assert (secret.value, secret.description, secret.set_by) == (VALUE, "New", None)


def test_the_whole_object_can_be_written_back(world, editor, secret):
    path = path_of(world.project, secret)
    before = rows()
    body = editor.get(path).json()
    answer = editor.patch(path, body)
    assert (answer.status_code, answer.json()) == (200, body)
    assert rows() == before


def test_a_value_is_replaced_and_kept_to_the_last_blank(world, editor, secret):
    answer = editor.patch(path_of(world.project, secret), {"value": "  new\r\n "})
    assert (answer.status_code, answer.json()["value"]) == (200, MASK)
    assert answer.json()["set_by"] == world.editor.pk
    secret.refresh_from_db()
    assert secret.value == "  new\r\n "
    assert answer.json()["set_at"] == secret.set_at.isoformat().replace("+00:00", "Z")


def test_a_name_stays_whatever_the_body_says(world, editor, secret):
    body = {"name": "OTHER", "project": world.other_project.pk, "set_by": 1, "description": "New"}
    answer = editor.patch(path_of(world.project, secret), body)
    assert (answer.status_code, answer.json()["name"]) == (200, "TOKEN")
    secret.refresh_from_db()
    assert (secret.project, secret.set_by) == (world.project, None)


def test_a_secret_is_deleted(world, editor, secret):
    path = path_of(world.project, secret)
    assert editor.delete(path).status_code == 204
    assert not ProjectSecret.objects.exists()
    assert Entry.objects.acts().latest("id").action == "project_secret.delete"
    assert editor.get(path).status_code == editor.delete(path).status_code == 404


# --- Bad input --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "token"),
        ("name", "TO\nKEN"),
        ("name", "A" * 65),
        ("name", None),
        ("name", ["TOKEN"]),
        ("value", ""),
        ("value", MASK),
        ("value", None),
        ("value", True),
        ("value", {"a": 1}),
        ("value", "x" * 8193),
        ("description", "x" * 501),
        ("description", None),
    ],
)
def test_a_wrong_value_names_its_field_and_makes_nothing(world, editor, field, value):
    body = {"name": "TOKEN", "value": "good", field: value}
    answer = editor.post(path_of(world.project), body)
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]
    assert rows() == []


@pytest.mark.parametrize("missing", ["name", "value"])
def test_a_name_and_a_value_are_needed(world, editor, missing):
    body = {"name": "TOKEN", "value": "good"}
    del body[missing]
    answer = editor.post(path_of(world.project), body)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [missing])
    assert rows() == []


@pytest.mark.parametrize("raw", ['"a\\u0000b"', '"a\\ud800b"', "NaN"])
def test_text_that_is_none_is_refused(world, editor, secret, raw):
    before = rows()
    for method, path in (
        ("POST", path_of(world.project)),
        ("PATCH", path_of(world.project, secret)),
    ):
        body = f'{{"name": "NEW", "value": {raw}}}'
        answer = editor.generic(method, path, body, content_type="application/json")
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_json")
    assert rows() == before


def test_the_longest_value_is_taken_whatever_its_letters(world, editor):
    value = "\U0001f511" * 8192
    answer = editor.post(path_of(world.project), {"name": "LONG", "value": value})
    assert answer.status_code == 201
    assert ProjectSecret.objects.get().value == value


def test_a_taken_name_and_one_secret_too_many_are_conflicts(world, editor, secret):
    answer = editor.post(path_of(world.project), {"name": "TOKEN", "value": "other"})
    assert (answer.status_code, list(answer.json()["errors"])) == (409, ["name"])
    keep(world.project, **{f"S{number}": "x" for number in range(99)})
    answer = editor.post(path_of(world.project), {"name": "ONE_MORE", "value": "x"})
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_secrets")
    assert ProjectSecret.objects.count() == 100
    secret.refresh_from_db()
    assert secret.value == VALUE


# --- Doors ------------------------------------------------------------------------------------

DOORS = [("viewer", 403), ("member", 404), ("outsider", 404), ("outsider_admin", 404)]


@pytest.mark.parametrize(("role", "status"), [(None, 401), *DOORS])
def test_the_denied_see_and_change_nothing(world, api, api_as, secret, role, status):
    program = api_as(getattr(world, role)) if role else api
    before, entries = rows(), Entry.objects.acts().count()
    one = path_of(world.project, secret)
    answers = [
        program.get(path_of(world.project)),
        program.post(path_of(world.project), {"name": "MINE", "value": "x"}),
        program.get(one),
        program.patch(one, {"value": "x"}),
        program.delete(one),
    ]
    assert [answer.status_code for answer in answers] == [status] * 5
    assert not any(b"TOKEN" in answer.content for answer in answers)
    assert (rows(), Entry.objects.acts().count()) == (before, entries)


@pytest.mark.parametrize("role", ["editor", "team_admin", "platform_admin"])
def test_editors_and_admins_are_let_in_with_key_and_cookie(world, api_as, as_user, secret, role):
    user = getattr(world, role)
    one = path_of(world.project, secret)
    for client in (api_as(user), as_user(user)):
        assert client.get(one).status_code == 200
        body = json.dumps({"value": f"by {role}"})
        answer = client.generic("PATCH", one, body, content_type="application/json")
        assert answer.status_code == 200
    secret.refresh_from_db()
    assert secret.value == f"by {role}"


def test_a_secret_of_another_project_is_not_reached_through_ones_own(world, editor):
    theirs = keep(world.other_project, THEIRS="theirs")["THEIRS"]
    shared = keep(world.shared_project, SHARED="shared")["SHARED"]
    before = rows()
    for secret in (theirs, shared):
        path = path_of(world.project, secret)
        answers = [editor.get(path), editor.patch(path, {"value": "x"}), editor.delete(path)]
        assert [answer.status_code for answer in answers] == [404] * 3
    assert rows() == before


def test_who_loses_the_team_loses_the_secrets_at_once(world, editor, secret):
    assert editor.get(path_of(world.project)).status_code == 200
    membership = world.alpha.memberships.get(user=world.editor)
    remove_member(membership, actor=SYSTEM)
    answers = [editor.get(path_of(world.project)), editor.delete(path_of(world.project, secret))]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert rows() != []


# --- Lists ------------------------------------------------------------------------------------


def test_the_list_is_paged_sorted_by_name_and_narrowed_to_one(world, editor):
    keep(world.project, **{f"S{number:02}": "x" for number in range(60)})
    keep(world.shared_project, ELSEWHERE="x")
    first = editor.get(path_of(world.project)).json()
    assert (first["count"], len(first["results"])) == (60, 50)
    second = editor.get(path_of(world.project), {"page": 2}).json()
    names = [row["name"] for row in first["results"] + second["results"]]
    assert names == [f"S{number:02}" for number in range(60)]
    assert {row["value"] for row in first["results"]} == {MASK}
    one = editor.get(path_of(world.project), {"name": "S07"}).json()
    assert [row["name"] for row in one["results"]] == ["S07"]
    assert editor.get(path_of(world.project), {"page_size": 0}).status_code == 400


def test_queries_do_not_grow_with_rows(world, editor, django_assert_num_queries):
    editor.get(path_of(world.project))
    for count in (1, 40):
        keep(world.project, **{f"S{count}_{number}": "x" for number in range(count)})
        with django_assert_num_queries(5):  # key, visible, editable, count, page
            assert editor.get(path_of(world.project)).status_code == 200


def test_with_a_lost_key_the_list_can_be_read_and_values_set_anew(
    world, editor, secret, monkeypatch
):
    lose_the_key(monkeypatch)
    listed = editor.get(path_of(world.project)).json()["results"]
    assert [(row["name"], row["value"]) for row in listed] == [("TOKEN", MASK)]
    one = path_of(world.project, secret)
    assert editor.get(one).status_code == 200
    assert editor.patch(one, {"value": "again"}).status_code == 200
    assert ProjectSecret.objects.get().value == "again"
