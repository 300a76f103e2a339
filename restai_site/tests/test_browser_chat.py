"""The chat in a browser, against a provider that speaks real HTTP."""

import pytest
from playwright.sync_api import expect

from benchmarks.mock_provider import MockProvider
from catalog.models import LLM
from inference.models import Conversation, Message
from metering.rates.services import set_project_rate
from restai_site.tests.browser import say, settled
from restai_site.tests.loopback import loopback_port
from restai_site.tests.waiting import eventually
from restai_site.tests.world import SYSTEM, make_world

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ATTACKS = [
    "<img src=x onerror=\"document.title='owned'\">",
    "<svg onload=\"document.title='owned'\"></svg>",
    "<script>document.title='owned'</script>",
    "[x](javascript:document.title='owned')",
    "[x](data:text/html,<script>document.title='owned'</script>)",
    "[x](java\nscript:document.title='owned')",
    "<javascript:alert(1)>",
    "![x](https://evil.example/pixel.png)",
    "[ref]: https://evil.example/p.png\n\n![x][ref]",
    '<iframe srcdoc="<script>parent.document.title=1</script>"></iframe>',
    "<style>body { display: none }</style>",
    '<base href="https://evil.example/">',
    "| <img src=x onerror=\"document.title='owned'\"> |\n|---|\n| 1 |",
    "```html\n<img src=x onerror=\"document.title='owned'\">\n```",
    '```"><img src=x onerror=document.title=1>\ncode\n```',
    "[x](https://evil.example/?q=\"onmouseover=document.title='owned')",
    "<form action=https://evil.example><input name=password></form>",
    "[admin](/projects/1/delete)",
]


@pytest.fixture(scope="module")
def provider():
    with MockProvider(loopback_port()) as running:
        yield running


@pytest.fixture
def world(transactional_db, provider):
    provider.requests.clear()
    return make_world(provider.url)


@pytest.fixture
def talk(visit, world):
    """Return a function: the viewer at a new chat whose model behaves as named."""

    def start(behaviour="mock", **options):
        LLM.objects.filter(pk=world.llm.pk).update(litellm_model=behaviour)
        visitor = visit(world.viewer, **options)
        visitor.go(f"/projects/{world.project.pk}/chat")
        return visitor

    return start


def test_a_question_is_answered_kept_and_listed(talk, world):
    page = talk("echo").page
    say(page, "Tell me about **herons**")
    settled(page)
    assert page.inner_text(".message-assistant .message-body") == "Tell me about herons"
    assert page.inner_text(".message-assistant strong") == "herons"
    conversation = Conversation.objects.get()
    page.wait_for_url(f"**/chat/{conversation.pk}")
    expect(page.locator(".rail-row[data-current]")).to_contain_text("Tell me about **herons**")
    assert page.title().startswith("Tell me about **herons**")
    page.reload()
    settled(page)
    assert page.inner_text(".message-assistant strong") == "herons"


def test_shift_and_enter_break_the_line(talk):
    page = talk("echo").page
    page.fill("#composer-text", "one")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("two")
    page.keyboard.press("Enter")
    settled(page)
    assert page.inner_text(".message-user .message-body") == "one\ntwo"


def test_the_first_visit_offers_three_starters(talk):
    page = talk("mock").page
    assert page.locator("[data-starter]").count() == 3
    page.locator("[data-starter]").first.click()
    settled(page)
    assert not page.is_visible("#greeting")


@pytest.mark.parametrize("way", ["button", "escape"])
def test_an_answer_is_stopped_and_what_has_come_is_kept(talk, way):
    page = talk("slow-300").page
    say(page, "Go on for long")
    expect(page.locator(".message[aria-busy=true]")).to_have_count(1)
    assert page.is_visible("#stop")
    assert not page.is_visible("#send")
    page.wait_for_selector(".message-assistant .block")
    if way == "button":
        page.click("#stop")
    else:
        page.keyboard.press("Escape")
    settled(page)
    assert "Stopped" in page.inner_text(".message-note")
    assert page.is_visible("#send")
    seen = page.inner_text(".message-assistant .message-body")
    stopped = Message.objects.filter(role="assistant", status="cancelled")
    kept = eventually(stopped.first, seconds=10)
    assert kept.content.startswith(seen)
    page.reload()
    settled(page)
    assert page.inner_text(".message-assistant .message-body").startswith(seen)


def test_a_reload_in_the_middle_keeps_what_has_come(talk):
    page = talk("slow-150").page
    say(page, "Go on for long")
    page.wait_for_selector(".message-assistant .block")
    seen = page.inner_text(".message-assistant .message-body").strip()
    page.reload()
    settled(page)
    assert page.inner_text(".message-assistant .message-body").startswith(seen[:20])
    assert Message.objects.get(role="assistant").status == "cancelled"


def test_an_answer_is_regenerated_in_its_place(talk):
    page = talk("echo").page
    say(page, "Once more")
    settled(page)
    page.click("[data-regenerate]")
    expect(page.locator(".message-assistant")).to_have_count(1)
    settled(page)
    first, second = Message.objects.filter(role="assistant").order_by("created_at")
    assert first.parent_id == second.parent_id
    assert Message.objects.filter(role="user").count() == 1


def test_tokens_cost_and_time_are_behind_a_toggle(talk):
    page = talk("mock").page
    say(page, "Hello")
    settled(page)
    assert not page.is_visible(".message-facts")
    page.click("[data-facts-toggle]")
    words = page.inner_text(".message-facts")
    assert "tokens in" in words
    assert "$" in words


def test_an_answer_and_its_code_are_copied(talk):
    page = talk("echo").page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    say(page, "```python\nprint(1)\n```")
    settled(page)
    assert page.inner_text(".code-head > span") == "python"
    assert page.locator(".code .hljs-built_in").count() == 1
    page.click("[data-copy-code]")
    assert page.evaluate("navigator.clipboard.readText()").strip() == "print(1)"
    page.click("[data-copy-message]")
    assert page.evaluate("navigator.clipboard.readText()") == "```python\nprint(1)\n```"


def test_a_failure_is_told_in_words_and_can_be_tried_again(talk, world):
    page = talk("error-500").page
    say(page, "Hello")
    page.wait_for_selector(".trouble")
    assert "provider" in page.inner_text(".trouble p").lower()
    LLM.objects.filter(pk=world.llm.pk).update(litellm_model="echo")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".trouble")).to_have_count(0)
    settled(page)
    assert page.inner_text(".message-assistant .message-body") == "Hello"
    assert Message.objects.filter(role="user").count() == 1


def test_a_failure_half_way_keeps_the_text(talk):
    page = talk("error-mid-stream").page
    say(page, "Hello")
    page.wait_for_selector(".trouble")
    assert page.inner_text(".message-assistant .message-body") != ""


def test_a_session_that_has_ended_leads_to_the_log_in_and_back(talk):
    page = talk("echo").page
    here = page.url
    page.context.clear_cookies()
    say(page, "Hello")
    page.wait_for_url("**/login?next=*")
    assert here.rsplit("/", 3)[1] == "projects"
    assert page.input_value("[name=next]") in here


def test_screen_readers_hear_one_announcement_at_the_end(talk):
    page = talk("slow-50").page
    page.evaluate(
        """() => {
            window.said = [];
            new MutationObserver(() => window.said.push(announcer.textContent))
                .observe(announcer, { childList: true, characterData: true, subtree: true });
        }"""
    )
    say(page, "Hello")
    settled(page)
    said = page.evaluate("window.said")
    assert len(said) == 1
    assert said[0].startswith("Answer complete")
    assert page.locator("#thread [aria-live]").count() == 0


def test_the_view_follows_only_at_the_bottom(talk):
    page = talk("echo").page
    say(page, "\n\n".join(f"Paragraph {number}" for number in range(80)))
    settled(page)
    distance = "thread.scrollHeight - thread.scrollTop - thread.clientHeight"
    assert page.evaluate(distance) < 50
    assert not page.is_visible("#jump")
    page.hover("#thread")
    page.mouse.wheel(0, -600)
    page.wait_for_selector("#jump:visible")
    page.click("#jump")
    page.wait_for_function(f"{distance} < 50")


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_in_an_answer_runs_or_loads(talk, attack):
    visitor = talk("echo")
    page = visitor.page
    say(page, attack)
    settled(page)
    title = page.title()
    page.reload()
    settled(page)
    assert "owned" not in {title, page.title()}
    body = ".message-assistant .message-body"
    foreign = "img, iframe, svg:not(.icon), style, script, base, form, [onerror], [onload], [style]"
    assert page.locator(body).locator(foreign).count() == 0
    for link in page.locator(f"{body} a[href]").all():
        assert link.get_attribute("href").startswith(("https://", "http://", "mailto:"))
        assert link.get_attribute("rel") == "noopener noreferrer"
        assert link.get_attribute("target") == "_blank"
    assert page.is_visible("#composer")


def test_a_tag_that_comes_byte_by_byte_is_never_more_than_text(talk):
    page = talk("bytewise").page
    say(page, ATTACKS[0])
    settled(page)
    assert page.title() != "owned"


def test_history_is_searched_renamed_pinned_and_deleted(talk, world):
    mine = {"project": world.project, "user": world.viewer}
    herons = Conversation.objects.create(title="Herons", **mine)
    Conversation.objects.create(title="Otters", **mine)
    page = talk("mock").page
    page.fill(".rail-search input", "hero")
    expect(page.locator(".rail-row")).to_have_count(1)
    page.click("[aria-label='Actions for Herons']")
    page.click(f"#history-menu-{herons.pk} >> text=Rename")
    page.fill(f"#title-{herons.pk}", "Grey herons")
    page.click(f"#rename-{herons.pk} [type=submit]")
    page.wait_for_url(f"**/{herons.pk}")
    page.click("[aria-label='Actions for Grey herons']")
    page.click(f"#history-menu-{herons.pk} >> text=Pin")
    page.wait_for_selector(".rail-list h2:has-text('Pinned')")
    page.click("[aria-label='Actions for Grey herons']")
    page.click(f"#history-menu-{herons.pk} >> text=Delete")
    page.click(f"#delete-{herons.pk} [type=submit]")
    page.wait_for_selector("#toasts >> text=deleted")
    assert not Conversation.objects.filter(pk=herons.pk).exists()


@pytest.mark.parametrize("width", [360, 1280])
def test_the_chat_fits_and_pleases_axe_while_and_after_streaming(talk, width):
    visitor = talk("slow-100", width=width)
    page = visitor.page
    say(page, "Hello " * 60)
    expect(page.locator(".message[aria-busy=true]")).to_have_count(1)
    assert visitor.axe() == []
    settled(page)
    assert visitor.axe() == []
    assert visitor.overflow() <= 0


def test_a_rate_limit_is_told_in_words_with_the_time_until_it_ends(talk, world):
    set_project_rate(world.project, requests_per_minute=1, actor=SYSTEM)
    visitor = talk("echo")
    page = visitor.page
    page.clock.install()
    say(page, "one")
    settled(page)
    say(page, "two")
    trouble = page.locator(".trouble")
    expect(trouble).to_contain_text("This project takes 1 request a minute. Try again in")
    expect(trouble).to_contain_text("You can send it again in")
    # The words are back where they were written.
    expect(page.locator("#composer-text")).to_have_value("two")
    assert visitor.axe() == []
    # A limit that is lifted meanwhile, and a page whose clock says that the wait is over.
    set_project_rate(world.project, requests_per_minute=None, actor=SYSTEM)
    page.clock.fast_forward(61_000)
    expect(trouble).to_contain_text("You can send it again now.")
    page.locator("#composer-text").press("Enter")
    settled(page, 2)
    expect(trouble).to_have_count(0)
    assert Message.objects.filter(role="user").count() == 2
