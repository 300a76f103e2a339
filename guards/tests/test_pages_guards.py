"""Pages of guards at their places."""

import pytest

from guards import services
from guards.models import GuardBinding, PlatformGuard
from guards.tests.test_bindings import WORDS, project_of
from restai_site.tests.world import SYSTEM

MANNER = {
    "stage": "input", "mode": "block", "order": "1", "timeout_seconds": "5", "threshold": "0",
}  # fmt: skip


def path_of(project, rest=""):
    return f"/projects/{project.pk}/guards{rest}"


def test_an_editor_adds_a_detector_by_the_pages(world, as_user):
    browser = as_user(world.editor)
    assert "No guard stands here" in browser.get(path_of(world.project)).content.decode()
    choice = browser.get(path_of(world.project, "/new")).content.decode()
    assert "Words and expressions" in choice
    form = browser.get(path_of(world.project, "/new?detector=patterns")).content.decode()
    assert "One a line" in form
    assert "on_failure" not in form
    sent = {**MANNER, "setting_words": "marzipan\r\nnougat", "setting_expressions": ""}
    answer = browser.post(path_of(world.project, "/new?detector=patterns"), sent)
    assert answer.status_code == 302, answer.content.decode()
    binding = GuardBinding.objects.get()
    assert binding.configuration["words"] == ["marzipan", "nougat"]
    assert binding.timeout_ms == 5000
    assert "Words and expressions" in browser.get(path_of(world.project)).content.decode()


def test_what_is_wrong_stands_beside_its_field(world, as_user):
    sent = {**MANNER, "setting_expressions": "("}
    answer = as_user(world.editor).post(path_of(world.project, "/new?detector=patterns"), sent)
    assert answer.status_code == 400
    assert "field-wrong" in answer.content.decode()
    assert not GuardBinding.objects.exists()


def test_a_project_guards_another_by_the_pages(world, as_user):
    judge = project_of(world, world.alpha, "Judge")
    browser = as_user(world.team_admin)
    assert "Judge" in browser.get(path_of(world.project, "/new")).content.decode()
    answer = browser.post(path_of(world.project, f"/new?guard={judge.pk}"), MANNER)
    assert answer.status_code == 302
    shown = browser.get(f"/projects/{judge.pk}/settings").content.decode()
    assert "It guards “Private”" in shown


def test_a_guard_is_changed_and_removed_by_the_pages(world, as_user):
    binding = services.add_binding(world.project, WORDS, actor=SYSTEM)
    browser = as_user(world.editor)
    page = f"/guards/bindings/{binding.pk}"
    assert "marzipan" in browser.get(page).content.decode()
    sent = {**MANNER, "mode": "warn", "setting_words": "nougat", "name": "Sweets"}
    assert browser.post(page, sent).status_code == 302
    binding.refresh_from_db()
    assert (binding.mode, binding.name, binding.configuration["words"]) == (
        "warn", "Sweets", ["nougat"],
    )  # fmt: skip
    assert browser.post(f"{page}/remove").status_code == 302
    assert not GuardBinding.objects.exists()


def test_a_mandatory_guard_is_shown_locked(world, as_user):
    binding = services.add_binding(None, WORDS, actor=SYSTEM)
    browser = as_user(world.editor)
    assert "set by the platform" in browser.get(path_of(world.project)).content.decode()
    assert browser.get(f"/guards/bindings/{binding.pk}").status_code == 403
    assert browser.post(f"/guards/bindings/{binding.pk}/remove").status_code == 403


def test_a_guard_that_is_gone_cannot_be_missed(world, as_user):
    GuardBinding.objects.create(project=world.project, name="Gone")
    shown = as_user(world.editor).get(path_of(world.project)).content.decode()
    assert "was deleted, so every request is blocked" in shown


@pytest.mark.parametrize(
    ("role", "status"),
    [("viewer", 403), ("member", 404), ("outsider", 404), ("outsider_admin", 404)],
)
def test_the_pages_are_for_editors(world, as_user, role, status):
    binding = services.add_binding(world.project, WORDS, actor=SYSTEM)
    browser = as_user(getattr(world, role))
    for page in (path_of(world.project), path_of(world.project, "/new")):
        assert browser.get(page).status_code == status
    assert browser.get(f"/guards/bindings/{binding.pk}").status_code == 404


def test_platform_administrators_have_a_page_of_their_own(world, as_user):
    browser = as_user(world.platform_admin)
    assert "No guard is mandatory" in browser.get("/guards").content.decode()
    sent = {**MANNER, "team": world.alpha.pk, "on_failure": "open", "setting_words": "marzipan"}
    assert browser.post("/guards/new?detector=patterns", sent).status_code == 302
    shown = browser.get("/guards").content.decode()
    assert "Team Alpha" in shown
    assert "Guards that fail open" in shown
    assert browser.post("/guards/offers", {"project": world.project.pk}).status_code == 302
    offer = PlatformGuard.objects.get()
    assert browser.post(f"/guards/offers/{offer.pk}/withdraw").status_code == 302
    assert as_user(world.team_admin).get("/guards").status_code == 403


def test_the_message_is_set_by_the_page(world, as_user):
    browser = as_user(world.editor)
    sent = {"censorship_message": "Please ask somebody else."}
    assert browser.post(path_of(world.project), sent).status_code == 302
    assert "Please ask somebody else." in browser.get(path_of(world.project)).content.decode()


def test_more_guards_cost_no_query(world, as_user, django_assert_max_num_queries):
    for word in ("a1", "b2", "c3", "d4", "e5"):
        values = {**WORDS, "configuration": {"words": [word]}}
        services.add_binding(world.project, values, actor=SYSTEM)
    browser = as_user(world.editor)
    with django_assert_max_num_queries(12):
        browser.get(path_of(world.project))
