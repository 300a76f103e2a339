"""The world of the matrix: each team with one of everything, and what fills the ids in routes."""

import re
from base64 import b32encode
from dataclasses import dataclass, field
from datetime import timedelta
from io import BytesIO
from secrets import token_bytes
from typing import Any
from uuid import uuid4

from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils import timezone
from PIL import Image

from accounts.models import (
    ApiKey,
    AttemptCounter,
    DataExport,
    IdentityProvider,
    LdapAccount,
    LinkedAccount,
    MailedLink,
    Passkey,
    RecoveryCode,
    Session,
    SetupLink,
    SigningKey,
    TotpDevice,
    User,
)
from accounts.services import make_link
from accounts.services.providers import create_provider as create_identity_provider
from accounts.sessions import tokens
from audit.chain.sealing import seal_waiting
from audit.models import (
    Cut,
    DeadLetter,
    Delivery,
    Entry,
    Erasure,
    Removal,
    Seal,
    Unsealed,
    Verification,
)
from catalog.models import AudioGenerator, EmbeddingModel, ImageGenerator, ProviderAccount
from catalog.services import create_model, create_provider
from configuration.models import Revision, StoredSetting
from configuration.services import update_section
from guards.models import (
    GuardBinding,
    GuardCase,
    GuardEvent,
    GuardResult,
    GuardRun,
    GuardSet,
    GuardSettings,
    PlatformGuard,
)
from inference.models import Conversation, InferenceLog, Message
from metering.models import (
    Budget,
    BudgetAlert,
    BudgetPeriod,
    Reservation,
    ReservationLine,
    RollupState,
    StaleDay,
    UsageRecord,
    UsageRollup,
)
from metering.rolling_up import roll_up
from metering.spans import day_of
from projects.erasing.models import TeamErasure
from projects.models import (
    Project,
    ProjectInvitation,
    ProjectMember,
    ProjectSecret,
    PromptVersion,
)
from projects.retention.models import RetentionRule, RetentionRun
from projects.services import add_project_member, create_project, create_secret
from restai_site.lib.mail import MailSection
from restai_site.tests.access.routes import Route
from restai_site.tests.canaries import canary, watch
from restai_site.tests.clients import start_session
from restai_site.tests.cors import EVIL
from restai_site.tests.loopback import CLOSED
from restai_site.tests.world import SYSTEM, World, make_key, make_user, make_world
from teams.branding import logo_from, save_branding
from teams.groups import create_mapping
from teams.models import Branding, GroupMapping, Invitation, Membership, Team, TeamExport
from teams.services import add_member, set_grants
from widget.identity import subject_of
from widget.models import Feedback, Visitor, VisitorSession, Widget

# What the website of each widget calls its one visitor.
VISITOR = "somebody"
PEOPLE = (
    "anonymous",
    "outsider",
    "outsider_admin",
    "viewer",
    "member",
    "editor",
    "team_admin",
    "platform_admin",
)
LIMITED = (
    "restricted",
    "suspended",
    *("read_key", "chat_key", "project_key", "admin_project_key"),
)
ROLES = (*PEOPLE, *LIMITED)
MISSING = "2000000000"
NOBODYS = "nobodys@example.org"
# Places that hold no id of a row.
WORDS = {
    "slug": "llms",
    "section": "mail",
    "kind": "llms",
    "token": "not-the-token",
    "rest": "nothing-here",
    "url": "nothing-here",
    "app_label": "accounts",
    "name": "alpha-llm",
    # Of a widget, which answers no website that is not listed, nor anybody without its key.
    "public_id": "nobodys-widget-1",
    "script_hash": "000000000000",
    "provider_slug": "company",
}
# By the name of the place, the model of the row whose id goes there.
PLACES: dict[str, type[models.Model]] = {
    "project_id": Project,
    "team_id": Team,
    "key_id": ApiKey,
    "provider_id": ProviderAccount,
    "embedding_model_id": EmbeddingModel,
    "image_generator_id": ImageGenerator,
    "audio_generator_id": AudioGenerator,
    "usage_id": UsageRecord,
    "budget_id": Budget,
    "entry_id": Entry,
    "verification_id": Verification,
    "removal_id": Removal,
    "widget_id": Widget,
    "erasure_id": Erasure,
    "team_erasure_id": TeamErasure,
    "team_export_id": TeamExport,
    "data_export_id": DataExport,
    "log_id": InferenceLog,
    "dead_letter_id": DeadLetter,
    "retention_run_id": RetentionRun,
    "conversation_id": Conversation,
    "message_id": Message,
    "membership_id": Membership,
    "member_id": ProjectMember,
    "version_id": PromptVersion,
    "secret_id": ProjectSecret,
    "session_id": Session,
    "user_id": User,
    "passkey_id": Passkey,
    "identity_provider_id": IdentityProvider,
    "linked_account_id": LinkedAccount,
    "link_id": LinkedAccount,
    "group_mapping_id": GroupMapping,
    "invitation_id": Invitation,
    "project_invitation_id": ProjectInvitation,
    "guard_set_id": GuardSet,
    "binding_id": GuardBinding,
    "offer_id": PlatformGuard,
    "run_id": GuardRun,
    "event_id": GuardEvent,
}
# Places that hold what is public by design: whoever was told the slug sees what it names.
TOLD = frozenset({"public_slug", "style_hash", "logo_hash"})
ADMIN_MODEL = re.compile(r"^/admin/(\w+)/(\w+)/<path:object_id>")


@dataclass
class Stage:
    """The world and, for each side, one row of every model."""

    world: World
    own: dict[type[models.Model], models.Model] = field(default_factory=dict)
    other: dict[type[models.Model], models.Model] = field(default_factory=dict)
    # Guards of the sides' teams, where those of `own` and `other` are of their projects.
    mandatory: dict[str, GuardBinding] = field(default_factory=dict)
    # Those who come by a cookie, and the keys of those who come by one.
    people: dict[str, User] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)

    def values(self, route: Route, side: str = "own") -> dict[str, str]:
        """Return what fills the places of `route`: own (alpha's), other (beta's), or missing."""
        return {place: self._value(route, place, side) for place in route.places}

    def id_places(self, route: Route) -> list[str]:
        """Return the places of `route` that hold the id of a row."""
        known = WORDS.keys() | TOLD | {"number"}
        return [place for place in route.places if place not in known]

    def _value(self, route: Route, place: str, side: str) -> str:
        if place in WORDS:
            return WORDS[place]
        if place in TOLD:
            return str(getattr(self.own[Branding], place))
        if place == "number":
            return "1" if side == "own" else "2" if side == "other" else "999"
        model = self._model(route, place)
        if side != "missing" and route.path.startswith("/api/guards/mandatory/"):
            return str(self.mandatory[side].pk)
        if side == "missing":
            is_uuid = isinstance(model._meta.pk, models.UUIDField)
            return str(uuid4()) if is_uuid else MISSING
        rows = self.own if side == "own" else self.other
        return str(rows[model].pk)

    def _model(self, route: Route, place: str) -> type[models.Model]:
        from django.apps import apps

        if place == "content_type_id":
            return ContentType
        if match := ADMIN_MODEL.match(route.path):
            return apps.get_model(match[1], match[2])
        if place == "object_id":
            return User
        if place in {"llm_id", "model_id"}:
            return type(self.world.llm)
        if place == "pk" and route.path.startswith("/api/conversations"):
            return Conversation
        if place not in PLACES:
            raise AssertionError(
                f"Say in restai_site/tests/access/stage.py what fills <{place}> in {route.path}."
            )
        return PLACES[place]


def make_stage() -> Stage:
    """Build both sides, with one row of every model each."""
    # This process may remember a key that went with the rows of another test.
    # A key that this process has read in another test is in no table any more.
    tokens.forget_keys()
    world = make_world()
    stage = Stage(world)
    provider = create_provider(
        {"name": "Second", "kind": "openai", "api_key": canary("second provider key")}, actor=SYSTEM
    )
    grants = [_models(world.provider, "alpha"), _models(provider, "beta")]
    set_grants(world.alpha, _grants(grants[0]), actor=SYSTEM)
    set_grants(world.beta, {**_grants(grants[1]), "embedding_models": [grants[1][1]]}, actor=SYSTEM)
    add_project_member(world.other_project, world.outsider, actor=SYSTEM)
    _invite(world)
    stage.own = _side(world.alpha, world.project, world.viewer, [world.provider, *grants[0]])
    stage.other = _side(world.beta, world.other_project, world.outsider, [provider, *grants[1]])
    stage.own |= {type(world.llm): world.llm, EmbeddingModel: world.embedding_model}
    stage.other |= {type(world.llm): world.other_llm}
    # After the last seal, which takes what waits.
    for number, rows in enumerate((stage.own, stage.other)):
        rows[Unsealed] = Unsealed.objects.create(entry_id=10**12 + number)
    stage.mandatory = {"own": _mandatory(world.alpha), "other": _mandatory(world.beta)}
    stage.people = world.users() | {name: _colleague(world, name) for name in LIMITED[:2]}
    stage.people["suspended"].is_active = False
    stage.people["suspended"].save()
    stage.keys = _keys(world)
    return stage


def _seal() -> Seal:
    seal = seal_waiting()
    assert seal is not None
    return seal


def _removal(person: User) -> Removal:
    """Return a wish; one alone may wait for an answer."""
    values = {"before": timezone.now(), "number": 1, "entries": 1, "asked_by": person.email}
    is_first = not Removal.objects.exists()
    state = Removal.State.WAITING if is_first else Removal.State.WITHDRAWN
    return Removal.objects.create(state=state, **values)


def _cut() -> Cut:
    return Cut.objects.create(
        number=10**12 + Cut.objects.count(), hash="0" * 64, entries=0, cut_at=timezone.now()
    )


def _widget(project: Project, person: User) -> list[models.Model]:
    key, _ = make_key(person, "Widget")
    ApiKey.objects.filter(pk=key.pk).update(scope="widget", project_ids=[project.pk])
    widget = Widget.objects.create(project=project, name="Help", key=key)
    subject = subject_of(widget, VISITOR)
    visitor = Visitor.objects.create(widget=widget, subject=subject, seen_at=timezone.now())
    session = VisitorSession.objects.create(
        visitor=visitor, digest=uuid4().hex, origin=EVIL, expires_at=timezone.now()
    )
    judged = Feedback.objects.create(
        widget=widget, visitor=visitor, message_id=uuid4(), is_helpful=True
    )
    return [widget, visitor, session, judged]


def _mandatory(team: Team) -> GuardBinding:
    return GuardBinding.objects.create(
        team=team, detector="patterns", name="Of all", configuration={"words": ["nougat"]}
    )


def _invite(world: World) -> None:
    """Let somebody wait at each door: two people at Alpha's, nobody at Beta's."""
    sender = {"invited_by": world.platform_admin, "sent_in_person": True}
    for team, email in ((world.alpha, world.platform_admin.email), (world.beta, NOBODYS)):
        Invitation.objects.create(team=team, email=email, **sender)
    for project, email in ((world.project, world.member.email), (world.other_project, NOBODYS)):
        ProjectInvitation.objects.create(project=project, email=email, **sender)


def _colleague(world: World, name: str) -> User:
    """Return somebody who would be an editor like the other one, were it not for what they are."""
    person = make_user(name, is_restricted=name == "restricted")
    add_member(world.alpha, person, actor=SYSTEM)
    add_project_member(world.project, person, role="editor", actor=SYSTEM)
    return person


def _keys(world: World) -> dict[str, str]:
    limits = {"project_ids": [world.project.pk]}
    return {
        "read_key": make_key(world.team_admin, scope="read")[1],
        "chat_key": make_key(world.editor, scope="chat")[1],
        "project_key": make_key(world.editor, **limits)[1],
        "admin_project_key": make_key(world.platform_admin, **limits)[1],
    }


def _session(person: User) -> Session:
    start_session(person)
    return Session.objects.filter(user=person).latest("created_at")


def _link(person: User) -> MailedLink:
    address = make_link(person, MailedLink.Purpose.RESET, email=person.email)
    watch(f"link of {person.email}", address.rpartition("/")[2])
    return MailedLink.objects.get(user=person)


def _linked(person: User) -> list[models.Model]:
    """Return a provider that is away, and the account of `person` there."""
    slug = "second" if IdentityProvider.objects.exists() else "company"
    values = {
        "slug": slug,
        "kind": "openid_connect",
        "name": slug.title(),
        "client_id": "restai",
        "client_secret": canary(f"client secret of {slug}"),
        "server_url": f"http://{CLOSED}",
        "enabled": True,
    }
    provider = create_identity_provider(values, actor=SYSTEM)
    link = LinkedAccount.objects.create(provider=provider, subject="subject", user=person)
    return [provider, link]


def _mapping(team: Team) -> GroupMapping:
    values = {"source": "ldap", "group": "engineers", "team": team, "role": "member"}
    return create_mapping(values, actor=SYSTEM)


def _branding(team: Team) -> Branding:
    """Return a branding without a name of its own: pages of others are searched for the team's."""
    image = BytesIO()
    Image.new("RGB", (8, 8), "teal").save(image, "PNG")
    values = {"primary": "#123456", "logo": logo_from(image.getvalue())}
    return save_branding(team, values, actor=SYSTEM)


def _models(provider: ProviderAccount, name: str) -> list[Any]:
    values = {"name": f"{name}-second", "provider": provider, "litellm_model": "mock"}
    kinds = (ImageGenerator, EmbeddingModel, AudioGenerator)
    return [create_model(kind, values, actor=SYSTEM) for kind in kinds]


def _grants(made: list[Any]) -> dict[str, list[Any]]:
    return {"image_generators": [made[0]], "audio_generators": [made[2]]}


def _factors(person: User) -> Passkey:
    """Give a person one of each second factor; return the passkey."""
    secret = b32encode(token_bytes(20)).decode()
    watch(f"TOTP secret of {person.email}", secret)
    TotpDevice.objects.create(user=person, secret=secret, confirmed=True)
    RecoveryCode.objects.create(user=person, digest=f"of {person.pk}")
    User.objects.filter(pk=person.pk).update(second_factor_since=timezone.now())
    values = {"name": "Laptop", "credential_id": f"credential{person.pk}"}
    return Passkey.objects.create(user=person, public_key=b"key", **values)


def _budgets(project: Project) -> list[models.Model]:
    """Give a project a budget of which a call holds something, and half of which is spent."""
    now = timezone.now()
    budget = Budget.objects.create(project=project, period="month", unit="money", amount=100)
    period = BudgetPeriod.objects.create(
        budget=budget, starts_at=now, ends_at=now + timedelta(days=30), spent=50, reserved=1
    )
    call = Reservation.objects.create(
        call_id=uuid4(),
        lease_until=now + timedelta(hours=1),
        project_id=project.pk,
        model_name="mock",
        kind="chat",
        prompt_tokens=1,
        completion_tokens=1,
        cost=1,
        started_at=now,
    )
    line = ReservationLine.objects.create(reservation=call, period=period, amount=1)
    return [budget, period, call, line, BudgetAlert.objects.create(period=period, percent=50)]


def _bench(team: Team) -> list[models.Model]:
    """Return a set of a team with one text, and a run over it that waits for a worker."""
    chosen = GuardSet.objects.create(team=team, name="Sweets")
    case = GuardCase.objects.create(set=chosen, position=1, text="Hello?", expected="safe")
    values = {"guard_name": "Rules", "label": "First", "detector": "injection", "version": "1"}
    run = GuardRun.objects.create(team=team, set=chosen, total=1, **values)
    result = GuardResult.objects.create(run=run, case=case, verdict="safe", latency_ms=1)
    return [chosen, case, run, result]


def _side(team: Team, project: Project, person: User, catalog: list[Any]) -> dict[Any, Any]:
    conversation = Conversation.objects.create(project=project, user=person, title="Talk")
    question = Message.objects.create(conversation=conversation, role="user", content="Hello?")
    Message.objects.create(
        conversation=conversation, role="assistant", content="Hi", parent=question
    )
    passkey = _factors(person)
    usage = UsageRecord.objects.create(
        project=project,
        team=team,
        user=person,
        model_name="mock",
        prompt_tokens=1,
        completion_tokens=1,
        tokens_source="provider",
        latency_ms=1,
        outcome="completed",
    )
    roll_up()
    of_team = {"level": "team", "team_id": team.pk}
    SetupLink.objects.get_or_create(singleton=True, defaults={"digest": "used"})
    update_section(MailSection, {"from_name": "Alpha's platform"}, actor=SYSTEM)
    rows: list[models.Model] = [
        team,
        project,
        person,
        *catalog,
        conversation,
        question,
        usage,
        UsageRollup.objects.filter(**of_team).latest("id"),
        RollupState.objects.get(),
        StaleDay.objects.create(starts_at=day_of(usage.created_at)),
        *_budgets(project),
        *_bench(team),
        make_key(person)[0],
        passkey,
        _session(person),
        DataExport.objects.create(user=person, finished_at=timezone.now(), content=b"x"),
        *_widget(project, person),
        TeamExport.objects.create(team=team, finished_at=timezone.now(), content=b"x"),
        Erasure.objects.create(
            subject_type="accounts.user", subject_id=person.pk, finished_at=timezone.now()
        ),
        TeamErasure.objects.create(
            team_id=10**9 + team.pk, name="Gone", projects=0, finished_at=timezone.now()
        ),
        LdapAccount.objects.create(user=person, unique_id=uuid4(), dn=f"uid={person.pk}"),
        _link(person),
        *_linked(person),
        _mapping(team),
        _branding(team),
        SigningKey.objects.earliest("id"),
        AttemptCounter.objects.create(bucket=person.email, failures=1, last_at=timezone.now()),
        Entry.objects.acts().latest("id"),
        _seal(),
        Verification.objects.create(asked_by=person.email, finished_at=timezone.now(), holds=True),
        _removal(person),
        InferenceLog.objects.create(
            call_id=uuid4(),
            project=project,
            user=person,
            surface="chat",
            model_name="m",
            prompt_tokens=1,
            completion_tokens=1,
            latency_ms=1,
            outcome="completed",
            question="Hello?",
        ),
        _cut(),
        DeadLetter.objects.create(kind="syslog", number=person.pk, error="Away."),
        Delivery.objects.create(kind=f"place {person.pk}", delivered_until=0),
        RetentionRule.objects.create(project=project, kind="conversations", days=30),
        RetentionRun.objects.create(
            kind="conversations", cuts=[], asked_by=person.email, finished_at=timezone.now()
        ),
        Membership.objects.get(team=team, user=person),
        Invitation.objects.get(team=team),
        ProjectInvitation.objects.get(project=project),
        ProjectMember.objects.get(project=project, user=person),
        PromptVersion.objects.get(project=project),
        GuardBinding.objects.create(
            project=project,
            detector="patterns",
            name="Words",
            configuration={"words": ["marzipan"]},
        ),
        GuardSettings.objects.create(project=project, censorship_message="No sweets."),
        # Offered to everybody: another project than the one that outsiders must not see.
        PlatformGuard.objects.create(
            project=create_project(team, {"name": "Judge", "llm": project.llm}, actor=SYSTEM)
        ),
        GuardEvent.objects.create(
            call_id=uuid4(),
            project=project,
            team=team,
            user=person,
            guard_name="Personal data",
            detector="personal_data",
            stage="input",
            mode="block",
            outcome="blocked",
            latency_ms=1,
            text="Hello?",
            review="wrong",
        ),
        create_secret(project, name="OUTSIDE_TOKEN", value="a stage secret", actor=SYSTEM),
        SetupLink.objects.get(),
        StoredSetting.objects.get(),
        Revision.objects.get(),
        ContentType.objects.get_for_model(User),
    ]
    return {type(row): row for row in rows}
