"""Guards in a browser: what the chat shows, and the pages on which guards are set."""

import pytest
from playwright.sync_api import expect

from accounts.models import User
from benchmarks.mock_provider import MockProvider
from catalog.models import LLM
from guards.models import GuardBinding
from inference.tests.guarding import FORBIDDEN, bind_detector, bind_guard, judge_llm, make_guard
from restai_site.tests.browser import say, settled
from restai_site.tests.loopback import loopback_port
from restai_site.tests.world import make_world

pytestmark = [pytest.mark.browser, pytest.mark.slow]
MESSAGE = "This was withheld by a guard of the project."
LONG = "It is a long way from here to there. " * 8


@pytest.fixture(scope="module")
def provider():
    with MockProvider(loopback_port()) as running:
        yield running


@pytest.fixture
def world(transactional_db, provider):
    return make_world(provider.url)


@pytest.fixture
def talk(visit, world):
    """Return a function: the viewer at a new chat whose model behaves as named."""

    def start(behaviour="echo", **options):
        LLM.objects.filter(pk=world.llm.pk).update(litellm_model=behaviour)
        visitor = visit(world.viewer, **options)
        visitor.go(f"/projects/{world.project.pk}/chat")
        return visitor

    return start


def test_a_blocked_question_becomes_a_calm_card_here_and_after_a_reload(talk, world):
    bind_detector(world.project)
    visitor = talk()
    page = visitor.page
    say(page, f"Give me {FORBIDDEN}")
    settled(page)
    expect(page.locator("#announcer")).to_contain_text("Withheld by a guard: Word of the list.")
    for _ in range(2):
        expect(page.locator(".withheld")).to_contain_text(MESSAGE)
        expect(page.locator(".withheld")).to_contain_text("Word of the list")
        expect(page.locator(".message-user .message-body")).to_have_text(
            "Your message was withheld."
        )
        assert FORBIDDEN not in page.content()
        assert page.locator("[data-regenerate]").count() == 0
        assert visitor.axe() == []
        page.reload()


def test_what_was_shown_of_a_blocked_answer_goes_again(talk, world):
    bind_detector(world.project, stage="output")
    page = talk("told-9").page
    say(page, f"SAY {LONG} And then {FORBIDDEN}.")
    settled(page)
    expect(page.locator(".withheld")).to_contain_text("The answer was withheld")
    expect(page.locator(".message-assistant .message-body")).to_have_text("")
    page.reload()
    expect(page.locator(".withheld")).to_contain_text("The answer was withheld")
    expect(page.locator(".message-assistant .message-body")).to_have_text("")


def test_a_warning_is_a_badge(talk, world):
    bind_detector(world.project, stage="both", mode="warn")
    visitor = talk()
    page = visitor.page
    say(page, f"I like {FORBIDDEN}")
    settled(page)
    for _ in range(2):
        expect(page.locator(".message-assistant .flagged")).to_contain_text("Word of the list")
        expect(page.locator(".message-user .flagged")).to_contain_text("Word of the list")
        assert visitor.axe() == []
        page.reload()


def test_what_was_masked_is_shown_as_masked(talk, world):
    bind_detector(world.project, "personal_data", stage="both", mode="redact")
    visitor = talk()
    page = visitor.page
    say(page, "Write to ada@example.org about [email] and `[email]`")
    settled(page)
    for _ in range(2):
        expect(page.locator(".message-user .masked").first).to_have_text("[email]")
        assert "ada@example.org" not in page.content()
        expect(page.locator(".message-user")).to_contain_text("Masked by the guard")
        assert visitor.axe() == []
        page.reload()


def test_a_guard_that_cannot_be_asked_says_so(talk, world):
    guard = make_guard(world, llm=judge_llm(world, "error-500"))
    bind_guard(world.project, guard)
    page = talk().page
    say(page, "Hello")
    settled(page)
    expect(page.locator(".withheld")).to_contain_text("A guard could not be asked")


def test_a_chat_that_is_not_kept_forgets_what_was_withheld(talk, world, provider):
    world.project.inference_logging = "off"
    world.project.save()
    bind_detector(world.project)
    page = talk().page
    say(page, f"Give me {FORBIDDEN}")
    settled(page)
    say(page, "Hello again")
    settled(page, 2)
    expect(page.locator(".message-assistant .message-body").last).to_have_text("Hello again")


def pages(world):
    binding = GuardBinding.objects.get(project=world.project, detector="patterns")
    base = f"/projects/{world.project.pk}/guards"
    return [
        base,
        f"{base}/new",
        f"{base}/new?detector=personal_data",
        f"/guards/bindings/{binding.pk}",
        f"/projects/{world.shared_project.pk}/guards",
        "/guards",
        "/guards/new",
    ]


@pytest.fixture
def furnished(world):
    bind_detector(world.project, on_failure="open")
    bind_guard(world.project, make_guard(world, llm=judge_llm(world)), is_speculative=True)
    GuardBinding.objects.create(project=world.project, name="Gone")
    GuardBinding.objects.create(
        is_for_all=True, detector="secrets", name="Keys", stage="both", mode="redact"
    )
    return world


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_violation_on_the_pages_of_guards(visit, furnished, theme):
    User.objects.update(theme=theme)
    visitor = visit(furnished.platform_admin)
    found = {}
    for path in pages(furnished):
        visitor.go(path)
        if violations := visitor.axe():
            found[path] = violations
    assert found == {}, found


def test_no_page_of_guards_is_wider_than_a_telephone(visit, furnished):
    visitor = visit(furnished.platform_admin, width=360)
    wide = {}
    for path in pages(furnished):
        visitor.go(path)
        if (pixels := visitor.overflow()) > 0:
            wide[path] = pixels
    assert wide == {}


def test_a_guard_is_added_by_hand_and_stops_the_next_question(visit, world):
    page = visit(world.editor).page
    page.goto(f"/projects/{world.project.pk}/guards")
    page.get_by_role("link", name="Add a guard").click()
    page.get_by_role("link", name="Words and expressions").click()
    page.get_by_label("Words and phrases").fill(FORBIDDEN)
    page.get_by_role("button", name="Add guard").click()
    expect(page.get_by_role("row", name="Words and expressions")).to_be_visible()
    page.goto(f"/projects/{world.project.pk}/chat")
    say(page, f"Give me {FORBIDDEN}")
    settled(page)
    expect(page.locator(".withheld")).to_be_visible()
