"""The posture of a world in which everything is wrong at once, and of ten thousand keys."""

from datetime import timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import ApiKey, User
from catalog.models import LLM, ProviderAccount
from restai_site.lib import posture
from restai_site.lib.posture import State, run
from restai_site.tests.world import make_key, make_user
from teams.models import Team


def many(world, count):
    """Make so many of everything that checks list, all of it wrong."""
    long_ago = timezone.now() - timedelta(days=400)
    people = [
        User(email=f"idle{number}@example.org", password="!", date_joined=long_ago)
        for number in range(count)
    ]
    User.objects.bulk_create(people)
    keys = [
        ApiKey(user=world.editor, name=f"old {number}", prefix="rk_old", digest=f"{number:064}")
        for number in range(count)
    ]
    ApiKey.objects.bulk_create(keys)
    ApiKey.objects.filter(prefix="rk_old").update(created_at=long_ago)
    Team.objects.bulk_create(
        [Team(name=f"T{number}", slug=f"t{number}") for number in range(count)]
    )


def test_ten_thousand_keys_and_people_cost_no_query_more(as_user, world):
    browser = as_user(world.platform_admin)
    browser.get("/security")
    many(world, 1)
    with CaptureQueriesContext(
        connection,
    ) as few:
        browser.get("/security")
    User.objects.filter(email__startswith="idle").delete()
    ApiKey.objects.filter(prefix="rk_old").delete()
    Team.objects.filter(name__startswith="T").delete()
    many(world, 10_000)
    with CaptureQueriesContext(connection) as lots:
        answer = browser.get("/security")
    queries = [one["sql"] for one in lots.captured_queries if "SAVEPOINT" not in one["sql"]]
    assert len(lots) == len(few)
    assert len(queries) <= len(posture.checks())
    text = answer.content.decode()
    assert "10,000 keys are older than a year." in text
    assert "and 9,990 more" in text
    assert len(text) < 200_000


def test_every_link_of_every_finding_leads_to_a_page(as_user, world):
    """With as much wrong as can be at once: what is good has no links."""
    gone = make_user("gone", is_platform_admin=True, is_active=False)
    make_key(gone)
    make_key(world.editor)
    many(world, 2)
    LLM.objects.create(name="alone", provider=world.provider, litellm_model="mock")
    ProviderAccount.objects.create(name="Plain", kind="openai", base_url="http://example.org/v1")
    urls, linked = set(), set()
    for result in run().results:
        finding = result.finding
        found = [example.url for example in finding.found.examples]
        found += [finding.remedy.url] if finding.remedy and finding.remedy.view else []
        urls |= set(found)
        linked |= {result.check.slug} if found else set()
    assert linked >= {
        "administrators-idle",
        "administrators-suspended",
        "users-idle",
        "keys-unused",
        "keys-old",
        "keys-lasting",
        "keys-suspended",
        "providers-plain",
        "models-ungranted",
        "models-unpriced",
        "teams-without-admin",
        "projects-open",
    }
    browser = as_user(world.platform_admin)
    answers = {url: browser.get(url).status_code for url in urls}
    assert [url for url, status in answers.items() if status != 200] == []


def test_every_finding_says_its_reason_in_a_sentence(world):
    for result in run().results:
        assert result.finding.reason.endswith("."), result.check.slug
        assert "\n" not in result.finding.reason
        assert result.state is not State.UNKNOWN, result.check.slug
