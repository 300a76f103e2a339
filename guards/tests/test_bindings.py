"""Binding guards: who may, what may guard what, and what does not go together."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from audit.models import Entry
from guards import services
from guards.consequences import protection
from guards.models import GuardBinding, PlatformGuard
from guards.posture import fail_open, usable
from projects.services import create_project, delete_project
from restai_site.lib.errors import Conflict, DomainError, Forbidden, Invalid, NotFound
from restai_site.tests.world import SYSTEM, acting, make_world

WORDS = {"detector": "patterns", "configuration": {"words": ["marzipan"]}}


@pytest.fixture
def judge(world):
    return project_of(world, world.alpha, "Judge")


def project_of(world, team, name):
    llm = world.llm if team == world.alpha else world.other_llm
    return create_project(team, {"name": name, "llm": llm}, actor=SYSTEM)


def test_an_editor_binds_changes_and_removes_a_guard_and_the_trail_says_so(world):
    actor = acting(world.editor)
    binding = services.add_binding(world.project, WORDS, actor=actor)
    assert (binding.name, binding.mode, binding.on_failure) == (
        "Words and expressions", "block", "closed",
    )  # fmt: skip
    assert binding.configuration["any_case"] is True
    services.update_binding(binding, {"mode": "warn"}, actor=actor)
    services.remove_binding(binding, actor=actor)
    actions = list(
        Entry.objects.filter(action__startswith="guard.").values_list("action", "team_id")
    )
    assert sorted(actions) == [
        ("guard.bind", world.alpha.pk),
        ("guard.unbind", world.alpha.pk),
        ("guard.update", world.alpha.pk),
    ]


@pytest.mark.parametrize("role", ["viewer", "member", "outsider", "outsider_admin"])
def test_others_bind_nothing(world, role):
    with pytest.raises(Forbidden):
        services.add_binding(world.project, WORDS, actor=acting(getattr(world, role)))
    binding = services.add_binding(world.project, WORDS, actor=SYSTEM)
    for change in (
        lambda actor: services.update_binding(binding, {"mode": "warn"}, actor=actor),
        lambda actor: services.remove_binding(binding, actor=actor),
    ):
        with pytest.raises(Forbidden):
            change(acting(getattr(world, role)))


def test_mandatory_guards_are_for_platform_administrators(world, judge):
    for place in (world.alpha, None):
        with pytest.raises(Forbidden):
            services.add_binding(place, WORDS, actor=acting(world.team_admin))
    binding = services.add_binding(
        world.alpha, {"guard": judge}, actor=acting(world.platform_admin)
    )
    with pytest.raises(Forbidden):
        services.remove_binding(binding, actor=acting(world.team_admin))
    assert binding.is_mandatory


def test_only_platform_administrators_let_a_guard_fail_open(world):
    editor = acting(world.editor)
    with pytest.raises(Forbidden):
        services.add_binding(world.project, {**WORDS, "on_failure": "open"}, actor=editor)
    binding = services.add_binding(world.project, WORDS, actor=editor)
    with pytest.raises(Forbidden):
        services.update_binding(binding, {"on_failure": "open"}, actor=editor)
    administrator = acting(world.platform_admin)
    services.update_binding(binding, {"on_failure": "open"}, actor=administrator)
    services.update_binding(binding, {"mode": "warn", "on_failure": "open"}, actor=editor)
    assert GuardBinding.objects.get().on_failure == "open"
    assert fail_open().remedy is not None
    services.update_binding(binding, {"on_failure": "closed"}, actor=editor)
    assert fail_open().remedy is None


def refused(world, place, guard, actor=SYSTEM):
    with pytest.raises(Invalid) as error:
        services.add_binding(place, {"guard": guard}, actor=actor)
    assert "guard" in (error.value.fields or {})
    return error.value.message


def test_a_guard_is_of_the_same_team_or_offered_to_all(world):
    foreign = project_of(world, world.beta, "Foreign")
    assert "same team" in refused(world, world.project, foreign)
    services.offer_guard(foreign, actor=acting(world.platform_admin))
    services.add_binding(world.project, {"guard": foreign}, actor=acting(world.editor))
    services.withdraw_guard(PlatformGuard.objects.get(), actor=acting(world.platform_admin))
    assert usable().remedy is not None


def test_what_guards_everybody_is_offered_to_all(world, judge):
    assert "offers" in refused(world, None, judge)
    services.offer_guard(judge, actor=SYSTEM)
    assert services.add_binding(None, {"guard": judge}, actor=SYSTEM).is_for_all


def test_an_editor_cannot_bind_a_project_of_the_team_that_they_do_not_see(world, judge):
    assert "same team" in refused(world, world.project, judge, acting(world.editor))


def test_a_project_does_not_guard_itself_and_guards_form_no_circle(world, judge):
    assert "itself" in refused(world, world.project, world.project)
    third = project_of(world, world.alpha, "Third")
    services.add_binding(world.project, {"guard": judge}, actor=SYSTEM)
    services.add_binding(judge, {"guard": third}, actor=SYSTEM)
    assert "circle" in refused(world, third, world.project)
    assert "circle" in refused(world, judge, world.project)


def test_a_guard_whose_model_is_not_granted_is_refused(world, judge):
    world.alpha.llms.remove(world.llm)
    assert "granted" in refused(world, world.project, judge)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({}, "guard"),
        ({"detector": "classifier", "mode": "redact"}, "mode"),
        ({**WORDS, "configuration": {"words": 7}}, "words"),
        ({**WORDS, "configuration": {"nothing": 7}}, "nothing"),
        ({**WORDS, "stage": "output", "is_speculative": True}, "is_speculative"),
        ({**WORDS, "mode": "redact", "is_speculative": True}, "is_speculative"),
        ({**WORDS, "mode": "explode"}, "mode"),
        ({**WORDS, "stage": "nowhere"}, "stage"),
        ({**WORDS, "timeout_ms": 1}, "timeout_ms"),
        ({**WORDS, "threshold": 2}, "threshold"),
        ({**WORDS, "order": 101}, "order"),
        ({**WORDS, "name": "x" * 101}, "name"),
    ],
)
def test_what_does_not_go_together_is_refused_by_its_field(world, values, field):
    with pytest.raises(Invalid) as error:
        services.add_binding(world.project, values, actor=SYSTEM)
    assert field in (error.value.fields or {})


def test_a_detector_that_is_not_there_and_two_judges_are_refused(world, judge):
    with pytest.raises(NotFound):
        services.add_binding(world.project, {"detector": "nothing"}, actor=SYSTEM)
    with pytest.raises(Invalid):
        services.add_binding(world.project, {**WORDS, "guard": judge}, actor=SYSTEM)


def test_the_same_guard_stands_once_at_a_stage(world, judge):
    services.add_binding(world.project, {"guard": judge}, actor=SYSTEM)
    with pytest.raises(Conflict):
        services.add_binding(world.project, {"guard": judge, "stage": "both"}, actor=SYSTEM)
    services.add_binding(world.project, {"guard": judge, "stage": "output"}, actor=SYSTEM)
    services.add_binding(world.project, WORDS, actor=SYSTEM)
    other = {**WORDS, "configuration": {"words": ["nougat"]}}
    services.add_binding(world.project, other, actor=SYSTEM)


def test_at_most_twenty_stand_in_one_place(world):
    for number in range(20):
        values = {**WORDS, "configuration": {"words": [f"word{number}"]}}
        services.add_binding(world.project, values, actor=SYSTEM)
    with pytest.raises(Conflict):
        services.add_binding(world.project, WORDS, actor=SYSTEM)


def test_before_a_guard_goes_it_is_said_what_loses_it(world, judge):
    assert protection(judge) == []
    services.add_binding(world.project, {"guard": judge}, actor=SYSTEM)
    services.add_binding(world.alpha, {"guard": judge}, actor=SYSTEM)
    (sentence,) = protection(judge)
    assert "“Private” and one more place" in sentence
    delete_project(judge, actor=SYSTEM)
    assert {one.has_lost_its_guard for one in GuardBinding.objects.all()} == {True}
    assert usable().remedy is not None


@pytest.mark.django_db(transaction=True)
def test_two_who_bind_at_once_make_no_circle():
    world = make_world()
    first, second = (project_of(world, world.alpha, name) for name in ("First", "Second"))

    def bind(pair):
        try:
            services.add_binding(pair[0], {"guard": pair[1]}, actor=SYSTEM)
        except DomainError as error:
            return error
        finally:
            connections.close_all()
        return None

    for _ in range(5):
        GuardBinding.objects.all().delete()
        with ThreadPoolExecutor(2) as threads:
            results = list(threads.map(bind, [(first, second), (second, first)]))
        assert sorted(one is None for one in results) == [False, True]


def test_the_words_for_what_is_blocked_are_the_projects(world):
    kept = services.set_censorship_message(world.project, " Not here. ", actor=acting(world.editor))
    assert kept.message == "Not here."
    assert "withheld" in services.set_censorship_message(world.project, "", actor=SYSTEM).message
    for text in ("x" * 501, "a\0b"):
        with pytest.raises(Invalid):
            services.set_censorship_message(world.project, text, actor=SYSTEM)
    with pytest.raises(Forbidden):
        services.set_censorship_message(world.project, "No", actor=acting(world.viewer))
