"""The chat of a project that keeps no conversations, in a browser: the page alone remembers."""

import json

import pytest
from playwright.sync_api import expect

from benchmarks.mock_provider import MockProvider
from catalog.models import LLM
from inference.models import Conversation, Message
from metering.models import UsageRecord
from projects.services import update_project
from restai_site.tests.browser import say, settled
from restai_site.tests.loopback import loopback_port
from restai_site.tests.world import SYSTEM, make_world

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NOTE = "This project keeps no conversations: what is said is gone when you leave this page."
STORED = """async () => JSON.stringify({
    local: {...localStorage}, session: {...sessionStorage}, cookie: document.cookie,
    address: location.href, state: history.state, title: document.title,
    databases: await indexedDB.databases(), caches: isSecureContext ? await caches.keys() : [],
})"""


@pytest.fixture(scope="module")
def provider():
    with MockProvider(loopback_port()) as running:
        yield running


@pytest.fixture
def world(transactional_db, provider):
    provider.requests.clear()
    return make_world(provider.url)


def switch(world, word):
    update_project(world.project, {"inference_logging": word}, actor=SYSTEM)


def behave(world, name):
    LLM.objects.filter(pk=world.llm.pk).update(litellm_model=name)


def chat_path(world):
    return f"/projects/{world.project.pk}/chat"


@pytest.fixture
def talk(visit, world):
    """Return a function: the viewer at the chat of a project that keeps nothing."""

    def start(behaviour="echo", **options):
        behave(world, behaviour)
        switch(world, "off")
        visitor = visit(world.viewer, **options)
        visitor.go(chat_path(world))
        return visitor

    return start


def told(provider):
    """Return what the model was told last, without the project's own prompt."""
    messages = provider.requests[-1].body["messages"]
    return [(turn["role"], turn["content"]) for turn in messages if turn["role"] != "system"]


def test_a_chat_goes_on_from_the_memory_of_the_page_alone(talk, world, provider):
    page = talk().page
    expect(page.locator("#unkept")).to_have_text(NOTE)
    say(page, "First heron")
    settled(page)
    say(page, "Second heron")
    settled(page, 2)
    assert told(provider) == [
        ("user", "First heron"), ("assistant", "First heron"), ("user", "Second heron"),
    ]  # fmt: skip
    assert not Conversation.objects.exists()
    assert not Message.objects.exists()
    assert UsageRecord.objects.filter(outcome="completed").count() == 2
    assert page.locator(".rail-row").count() == 0
    assert page.url.endswith(chat_path(world))


def test_the_browser_stores_nothing_of_it(talk, world):
    page = talk().page
    say(page, "A secret heron")
    settled(page)
    page.fill("#composer-text", "A second secret heron")
    stored = page.evaluate(STORED)
    assert "heron" not in stored
    found = json.loads(stored)
    assert (found["local"], found["session"], found["databases"]) == ({}, {}, [])
    assert not any("heron" in str(cookie) for cookie in page.context.cookies())


def test_a_reload_begins_anew(talk, provider):
    page = talk().page
    say(page, "First heron")
    settled(page)
    page.fill("#composer-text", "Half a thought about herons")
    page.reload()
    expect(page.locator("#greeting")).to_be_visible()
    assert "heron" not in page.content()
    assert page.input_value("#composer-text") == ""
    say(page, "Second")
    settled(page)
    assert told(provider) == [("user", "Second")]


def test_whoever_leaves_and_comes_back_finds_nothing(talk):
    visitor = talk()
    page = visitor.page
    say(page, "First heron")
    settled(page)
    visitor.go("/projects")
    page.go_back()
    expect(page.locator("#greeting")).to_be_visible()
    assert "heron" not in page.inner_text("body")


def test_what_a_browser_sets_aside_when_people_leave_is_empty(talk):
    """Some browsers freeze a page that is left, and show it again as it was."""
    page = talk("slow-150").page
    say(page, "First heron")
    page.wait_for_selector(".message-assistant .block")
    page.fill("#composer-text", "Second heron")
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    expect(page.locator("#greeting")).to_be_visible()
    expect(page.locator("#send")).to_be_visible()
    assert page.locator(".message").count() == 0
    assert page.input_value("#composer-text") == ""
    assert "heron" not in page.inner_text("body")


def test_new_chat_clears(talk, provider):
    page = talk().page
    say(page, "First")
    settled(page)
    page.click("text=New chat")
    expect(page.locator(".message")).to_have_count(0)
    say(page, "Second")
    settled(page)
    assert told(provider) == [("user", "Second")]


def test_an_answer_is_regenerated_by_asking_again(talk, provider):
    page = talk().page
    say(page, "First")
    settled(page)
    say(page, "Second")
    settled(page, 2)
    assert page.locator("[data-regenerate]").count() == 1
    page.click("[data-regenerate]")
    settled(page, 2)
    assert len(provider.requests) == 3
    assert provider.requests[2].body["messages"] == provider.requests[1].body["messages"]
    say(page, "Third")
    settled(page, 3)
    assert [text for _, text in told(provider)] == ["First", "First", "Second", "Second", "Third"]


def test_a_stopped_answer_is_remembered_as_far_as_it_came(talk, world, provider):
    page = talk("slow-150").page
    say(page, "First")
    page.wait_for_selector(".message-assistant .block")
    page.click("#stop")
    settled(page)
    behave(world, "echo")
    say(page, "Second")
    settled(page, 2)
    question, answer, last = told(provider)
    assert (question, last) == (("user", "First"), ("user", "Second"))
    assert answer[0] == "assistant"
    assert "The quick brown fox".startswith(answer[1][:19])


def test_a_failed_answer_is_tried_again_and_not_remembered(talk, world, provider):
    page = talk("error-mid-stream").page
    say(page, "First")
    page.wait_for_selector(".trouble")
    behave(world, "echo")
    page.get_by_role("button", name="Try again").click()
    settled(page)
    assert told(provider) == [("user", "First")]
    say(page, "Second")
    settled(page, 2)
    assert told(provider) == [("user", "First"), ("assistant", "First"), ("user", "Second")]


def test_a_page_from_before_the_switch_learns_of_it_and_goes_on(visit, world, provider):
    behave(world, "echo")
    visitor = visit(world.viewer)
    page = visitor.page
    visitor.go(chat_path(world))
    expect(page.locator("#unkept")).to_be_hidden()
    switch(world, "off")
    say(page, "First")
    settled(page)
    expect(page.locator("#unkept")).to_be_visible()
    say(page, "Second")
    settled(page, 2)
    assert told(provider) == [("user", "First"), ("assistant", "First"), ("user", "Second")]
    assert not Conversation.objects.exists()


def test_a_page_that_promised_to_keep_nothing_is_not_made_a_liar(talk, world, provider):
    page = talk().page
    switch(world, "full")
    say(page, "First")
    page.wait_for_selector(".trouble")
    assert "reload it" in page.inner_text(".trouble p")
    assert provider.requests == []
    assert not Conversation.objects.exists()
    page.reload()
    say(page, "Second")
    settled(page)
    assert Conversation.objects.get().title == "Second"


def test_a_conversation_from_before_is_read_and_deleted(visit, world):
    mine = Conversation.objects.create(project=world.project, user=world.viewer, title="Old herons")
    asked = Message.objects.create(conversation=mine, role="user", content="What is a heron?")
    Message.objects.create(conversation=mine, role="assistant", content="A bird.", parent=asked)
    switch(world, "off")
    visitor = visit(world.viewer)
    page = visitor.page
    visitor.go(f"{chat_path(world)}/{mine.pk}")
    settled(page)
    assert "not continued" in page.inner_text(".composer-notice")
    assert page.locator("#composer").count() == 0
    page.click("[aria-label='Actions for Old herons']")
    assert page.locator(f"#history-menu-{mine.pk} .menu-item").all_inner_texts() == ["Delete"]
    assert visitor.axe() == []
    page.click(f"#history-menu-{mine.pk} >> text=Delete")
    page.click(f"#delete-{mine.pk} [type=submit]")
    page.wait_for_selector("#toasts >> text=deleted")
    assert not Conversation.objects.exists()


def test_the_memory_sends_no_more_than_the_server_takes(talk):
    page = talk().page
    found = page.evaluate(
        """async () => {
            const { Memory } = await import(document.querySelector("[src*='js/chat']").src
                .replace(/chat[^/]*$/, "lib/memory.js"));
            const history = (pairs) => {
                const memory = new Memory();
                for (const [question, answer] of pairs) memory.begin(question).answer = answer;
                return memory.before(memory.begin("now"));
            };
            const many = Array.from({ length: 300 }, (_, i) => [`q${i}`, `a${i}`]);
            const long = history([["q", "x".repeat(150_000)]]);
            const heavy = history(Array.from({ length: 20 }, () => ["q", "x".repeat(90_000)]));
            return {
                many: history(many).length,
                newest: history(many).at(-1).content,
                long: long[1].content.length,
                heavy: heavy.reduce((sum, turn) => sum + turn.content.length, 0),
                halves: history([["a\\ud83d", "b\\0c"]]).map((turn) => turn.content),
                empty: history([["q", ""], ["r", " "]]).map((turn) => turn.role),
            };
        }"""
    )
    assert (found["many"], found["newest"], found["long"]) == (200, "a299", 100_000)
    assert 400_000 < found["heavy"] <= 500_000
    assert found["halves"] == ["a\ufffd", "bc"]
    assert found["empty"] == ["user", "user"]


def test_without_javascript_nothing_typed_leaves_the_page(
    transactional_db, server, chromium, world, provider
):
    """A form that a browser sends by itself would carry the text in the address, to every log."""
    world.viewer.set_password("unusual staple of horses")
    world.viewer.save()
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{server.url}/login")
    page.fill("[name=email]", world.viewer.email)
    page.fill("[name=password]", "unusual staple of horses")
    page.click("button[type=submit]")
    asked = []
    page.on("request", lambda request: asked.append(f"{request.url} {request.post_data}"))
    for word in ("full", "off"):
        switch(world, word)
        page.goto(server.url + chat_path(world))
        assert "needs JavaScript" in page.inner_text("main")
        assert ("past conversations" in page.inner_text("main")) == (word == "full")
        page.fill("#composer-text", "A secret heron")
        page.click("#send")
        page.wait_for_load_state("load")
        assert page.url.rstrip("?").endswith(chat_path(world))
    context.close()
    assert len(asked) > 2
    assert not any("heron" in one for one in asked)
    assert provider.requests == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_fits_and_pleases_axe(talk, width, theme):
    visitor = talk("slow-100", width=width, scheme=theme)
    page = visitor.page
    assert visitor.axe() == []
    say(page, "Hello " * 60)
    expect(page.locator(".message[aria-busy=true]")).to_have_count(1)
    assert visitor.axe() == []
    settled(page)
    assert visitor.axe() == []
    assert visitor.overflow() <= 0
