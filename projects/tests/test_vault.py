"""The vault puts secrets into configurations, fails closed, and shows nothing of itself."""

import copy
import json
import logging
import pickle
import sys
import traceback
from itertools import product
from pprint import pformat
from typing import Any

import pytest
from django.views.debug import ExceptionReporter

from projects.models import ProjectSecret
from projects.services import update_secret
from projects.tests.secrets import VALUE, everything_logged, keep, lose_the_key, spoil
from projects.vault import DEPTH_MAX, Vault
from restai_site.lib.errors import Invalid, Unavailable
from restai_site.tests.world import SYSTEM


@pytest.fixture
def vault(world):
    keep(world.project, TOKEN=VALUE, USER="ada", EMPTY_LOOKING=" ")
    return Vault.of(world.project.pk)


# --- What is put in ---------------------------------------------------------------------------


def test_each_reference_becomes_the_value(vault):
    assert vault.resolve("Bearer {{secret.TOKEN}}") == f"Bearer {VALUE}"
    assert vault.resolve("{{secret.USER}}:{{secret.TOKEN}}@{{secret.USER}}") == f"ada:{VALUE}@ada"
    assert vault.resolve("[{{secret.EMPTY_LOOKING}}]") == "[ ]"


def test_texts_anywhere_in_a_configuration_are_filled_in(vault):
    configuration = {
        "url": "https://{{secret.USER}}.example.org",
        "headers": [{"name": "Authorization", "value": "{{secret.TOKEN}}"}, "plain"],
        "retries": 3,
        "ratio": 0.5,
        "verify": True,
        "proxy": None,
    }
    before = copy.deepcopy(configuration)
    assert vault.resolve(configuration) == {
        "url": "https://ada.example.org",
        "headers": [{"name": "Authorization", "value": VALUE}, "plain"],
        "retries": 3,
        "ratio": 0.5,
        "verify": True,
        "proxy": None,
    }
    assert configuration == before


def test_keys_are_not_filled_in(vault):
    configuration = {"{{secret.USER}}": "{{secret.USER}}", "{{secret.NO_SUCH}}": 1}
    assert vault.resolve(configuration) == {"{{secret.USER}}": "ada", "{{secret.NO_SUCH}}": 1}


def test_what_a_secret_holds_is_never_expanded(world):
    keep(
        world.project,
        A="{{secret.B}}",
        B="the value of B",
        HALF="{{secret.",
        BACKSLASH=r"\1 \g<0> \n",
    )
    vault = Vault.of(world.project.pk)
    assert vault.resolve("{{secret.A}}") == "{{secret.B}}"
    assert vault.resolve("{{secret.HALF}}B}}") == "{{secret.B}}"
    assert vault.resolve(["{{secret.A}}", "{{secret.B}}"]) == ["{{secret.B}}", "the value of B"]
    assert vault.resolve("{{secret.BACKSLASH}}") == r"\1 \g<0> \n"


NO_REFERENCES = [
    "${SECRET_KEY}",
    "$SECRET_KEY",
    "%(SECRET_KEY)s",
    "{{settings.SECRET_KEY}}",
    "{0.__class__}",
    "{vault._tokens}",
    "{TOKEN}",
    "{{TOKEN}}",
    "{{ secret.TOKEN }}",
    "{{secrets.TOKEN}}",
    "{{Secret.TOKEN}}",
    "{secret.TOKEN}",
    "{{secret.TOKEN}",
    "{{secret.TOKEN",
    "secret.TOKEN}}",
    "{{secret.{{secret.USER",
    "{% now 'Y' %}",
    "{{7*7}}",
    "<%= 7*7 %>",
    "`id`",
    "",
]


def test_nothing_else_is_expanded(vault):
    assert [vault.resolve(text) for text in NO_REFERENCES] == NO_REFERENCES
    assert vault.references(NO_REFERENCES) == set()


def test_braces_around_a_reference_stay(vault):
    assert vault.resolve("{{{secret.USER}}}") == "{ada}"
    assert vault.resolve("{{secret.{{secret.USER}}}}") == "{{secret.ada}}"


# --- What is refused --------------------------------------------------------------------------


def test_an_unknown_name_is_named_and_nothing_is_filled_in(vault):
    with pytest.raises(Invalid, match="no secret MISSING, NOT_THERE;") as caught:
        vault.resolve(["{{secret.TOKEN}}", "{{secret.NOT_THERE}} {{secret.MISSING}}"])
    assert caught.value.code == "unknown_secret"


NAMELESS = [
    "{{secret.}}",
    "{{secret.token}}",
    "{{secret.TOKEN }}",
    "{{secret.TOKEN\n}}",
    "{{secret.1TOKEN}}",
    "{{secret.TOKEN.__class__}}",
    "{{secret.TOKEN|upper}}",
    "{{secret." + "A" * 65 + "}}",
    "{{secret.sk-live-0123}}",
]


def test_a_reference_that_holds_no_name_is_refused_without_repeating_it(vault):
    for reference, ask in product(NAMELESS, (vault.resolve, vault.references)):
        with pytest.raises(Invalid) as caught:
            ask({"header": reference})
        assert caught.value.code == "bad_secret_reference"
        assert reference not in caught.value.message


def test_secrets_of_another_project_are_unknown(world):
    keep(world.other_project, THEIRS="theirs-value")
    keep(world.project, OURS="ours-value")
    with pytest.raises(Invalid, match="no secret THEIRS"):
        Vault.of(world.project.pk).resolve("{{secret.THEIRS}}")
    assert Vault.of(world.project.pk).redact("theirs-value") == "theirs-value"


def test_a_project_that_is_gone_has_an_empty_vault(db):
    vault = Vault.of(2_000_000_000)
    assert vault.resolve("plain") == vault.redact("plain") == "plain"
    with pytest.raises(Invalid):
        vault.resolve("{{secret.TOKEN}}")


@pytest.mark.parametrize("value", [b"{{secret.TOKEN}}", ("{{secret.TOKEN}}",), {"a": {1}}, object])
def test_what_json_cannot_hold_is_refused(vault, value):
    with pytest.raises(TypeError, match="what JSON can hold"):
        vault.resolve(value)


def test_a_configuration_without_end_is_refused(vault):
    endless: dict = {"secret": "{{secret.TOKEN}}"}
    endless["again"] = [endless]
    with pytest.raises(Invalid, match=f"{DEPTH_MAX} levels"):
        vault.resolve(endless)
    deep: Any = "{{secret.USER}}"
    for _ in range(DEPTH_MAX):
        deep = [deep]
    assert json.dumps(vault.resolve(deep)).strip("[]") == '"ada"'
    with pytest.raises(Invalid, match=f"{DEPTH_MAX} levels"):
        vault.resolve([deep])


# --- What a configuration uses ----------------------------------------------------------------


def test_references_are_the_names_in_texts_known_or_not():
    configuration = {
        "url": "{{secret.HOST}}/{{secret.PATH_2}}",
        "headers": [["{{secret.HOST}}"], {"x": "{{secret.NOT_YET}}"}, 1, None],
        "{{secret.IN_A_KEY}}": "",
    }
    assert Vault.references(configuration) == {"HOST", "PATH_2", "NOT_YET"}


# --- What it costs ----------------------------------------------------------------------------


def test_one_query_opens_the_vault_however_many_secrets(world, django_assert_num_queries):
    keep(world.project, **{f"S{number}": f"value-{number}" for number in range(30)})
    with django_assert_num_queries(1):
        vault = Vault.of(world.project.pk)
        vault.resolve(["{{secret.S1}}", "{{secret.S2}}"])
        vault.resolve("{{secret.S29}}")
        assert vault.redact("value-7") == "[secret S7]"


def test_only_what_is_referred_to_is_decrypted(world):
    made = keep(world.project, GOOD="good", SPOILT="spoilt")
    spoil(made["SPOILT"])
    vault = Vault.of(world.project.pk)
    assert vault.resolve("{{secret.GOOD}}") == "good"
    with pytest.raises(Unavailable, match="The secret SPOILT cannot be decrypted"):
        vault.resolve("{{secret.GOOD}}{{secret.SPOILT}}")


def test_with_a_lost_key_nothing_is_filled_in(world, monkeypatch):
    keep(world.project, TOKEN=VALUE)
    lose_the_key(monkeypatch)
    with pytest.raises(Unavailable, match="TOKEN cannot be decrypted") as caught:
        Vault.of(world.project.pk).resolve("{{secret.TOKEN}}")
    assert caught.value.code == "secret_unreadable"


def test_a_replaced_value_is_that_of_the_next_vault(world):
    secret = keep(world.project, TOKEN="first")["TOKEN"]
    before = Vault.of(world.project.pk)
    update_secret(secret, {"value": "second"}, actor=SYSTEM)
    assert before.resolve("{{secret.TOKEN}}") == "first"
    assert Vault.of(world.project.pk).resolve("{{secret.TOKEN}}") == "second"


# --- What it shows of itself ------------------------------------------------------------------


def is_shown(text: str) -> bool:
    """Tell whether `text` holds the secret value, or what the table holds of it."""
    tokens = ProjectSecret.objects.extra(select={"raw": "value"}).values_list("raw", flat=True)
    return any(part in text for part in ("hunter2", "Ünïcode", "\\xdcn", "秘密", *tokens))


def test_what_is_shown_is_recognised(vault):
    """So that the tests below can fail."""
    assert is_shown(f"x{VALUE}x")
    assert is_shown(repr(VALUE))
    assert is_shown(str(vault._tokens))


def test_no_way_of_writing_a_vault_shows_a_value(vault):
    vault.redact("text")
    vault.resolve("{{secret.TOKEN}}")
    assert repr(vault).startswith("<Vault of project ")
    assert repr(vault).endswith(": 3 secrets>")
    for shown in (
        str(vault),
        f"{vault}",
        f"{vault!r:>200}",
        "{} {!r}".format(vault, [vault]),  # noqa: UP032 - one more way
        pformat([vault]),
    ):
        assert not is_shown(shown)
        assert "3 secrets" in shown


def test_a_vault_is_neither_pickled_copied_nor_serialized(vault):
    for way in (pickle.dumps, copy.copy, copy.deepcopy, json.dumps, vars):
        with pytest.raises(TypeError) as caught:
            way(vault)
        assert not is_shown(str(caught.value))
    with pytest.raises(TypeError, match="neither pickled nor copied"):
        vault.__getstate__()


def test_nothing_is_logged_at_the_level_of_debugging(world, caplog):
    keep(world.project, TOKEN=VALUE)
    with everything_logged(caplog):
        vault = Vault.of(world.project.pk)
        vault.resolve({"header": "{{secret.TOKEN}}"})
        vault.redact(VALUE)
        logging.getLogger("tests").debug("%s %r", vault, [vault])
        try:
            vault.resolve("{{secret.TOKEN}}{{secret.NO_SUCH}}")
        except Invalid:
            logging.getLogger("tests").exception("refused with %s", vault)
    assert 'FROM "projects_projectsecret"' in caplog.text
    assert "no secret NO_SUCH" in caplog.text
    assert not any(part in caplog.text for part in ("hunter2", "秘密"))


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({"a": "{{secret.TOKEN}}", "b": "{{secret.NO_SUCH}}"}, Invalid),
        (["{{secret.TOKEN}}", "{{secret.TOKEN.x}}"], Invalid),
        (["{{secret.TOKEN}}", b""], TypeError),
        (["{{secret.TOKEN}}{{secret.ZZZ}}"], Unavailable),
    ],
)
def test_no_frame_of_an_error_holds_a_value(world, value, kind):
    """As crash reports show them: with the variables of every frame, down the chain of causes."""
    made = keep(world.project, TOKEN=VALUE, ZZZ="spoilt")
    spoil(made["ZZZ"])
    vault = Vault.of(world.project.pk)
    try:
        vault.resolve(value)
    except kind as error:
        report = traceback.TracebackException.from_exception(error, capture_locals=True)
        page = ExceptionReporter(None, *sys.exc_info()).get_traceback_html()
    shown = "".join(report.format())
    assert "<Vault of project" in shown
    for text in (shown, page):
        assert "resolve" in text
        assert not any(part in text for part in ("hunter2", "Ünïcode", "\\xdcn", "秘密"))
