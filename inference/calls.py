"""A call of a model as the pipeline carries it from one stage to the next."""

import time
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID, uuid4

from django.utils import timezone

from accounts.watch import PROJECT, TEAM, Place
from catalog.adapters.types import (
    ChatRequest,
    ChatResult,
    Delta,
    Endpoint,
    ImageRequest,
    SpeechRequest,
    TranscriptionRequest,
    Usage,
)
from inference.guarded import Guarded
from metering.claims import Payer
from metering.rate_limits import Rate
from restai_site.lib.actor import Actor


@dataclass(slots=True)
class Call:
    """Everything that is known of a call once the database has been asked.

    Plain data: no rows of the database live while the provider talks.
    """

    actor: Actor
    endpoint: Endpoint
    kind: str
    model_name: str
    project_id: int | None
    team_id: int | None
    input_price_per_million: Decimal
    output_price_per_million: Decimal
    # Whether a budget may apply; `hold` finds out which.
    may_be_budgeted: bool = True
    request: ChatRequest | None = None
    # How many messages the platform has put before those of the caller.
    own_messages: int = 0
    inputs: list[str] = field(default_factory=list)
    # What is asked of a model that makes images, speaks or listens.
    media: ImageRequest | SpeechRequest | TranscriptionRequest | None = None
    # How many images or characters it may come to, and the price of one.
    units: int = 0
    unit_price: Decimal = Decimal(0)
    # None where nothing is kept: outside conversations, and with inference logging off.
    turn: "Turn | None" = None
    streamed: bool = False
    # How the tightest limit on how often stood after this call; None where none applies.
    rate: Rate | None = None
    # Whether the project keeps what is said in it.
    keeps_text: bool = False
    # How the project logs calls, and whether personal data is masked there; none: outside projects.
    logging: str = ""
    masks_logs: bool = False
    # By what the call came: the chat, or the OpenAI-compatible API.
    surface: str = "api"
    # The path of the page on which a visitor asked.
    page: str = ""
    # What whoever asked must still reach, where that is not the project or the team.
    watched: Place | None = None
    # The guards that it has to pass; None where there are none.
    guarded: Guarded | None = None
    started: float = field(default_factory=time.monotonic)
    # The ledger has one row for it, and budgets count it for the day on which it began.
    id: UUID = field(default_factory=uuid4)
    started_at: datetime = field(default_factory=timezone.now)

    @property
    def place(self) -> Place | None:
        """What whoever asked must still reach for the answer to go on."""
        if self.watched is not None:
            return self.watched
        if self.project_id is not None:
            return Place(PROJECT, self.project_id)
        return None if self.team_id is None else Place(TEAM, self.team_id)

    @property
    def payer(self) -> Payer:
        """Whose budgets it counts to."""
        return Payer(self.team_id, self.project_id, self.actor.user_id, self.actor.api_key_id)

    @property
    def asked(self) -> str:
        """The last message as the model gets it: the question, masked where guards redact."""
        content = self.request.messages[-1].get("content") if self.request else None
        return content if isinstance(content, str) else ""

    def elapsed_ms(self) -> int:
        """Return the milliseconds since the call began."""
        return round((time.monotonic() - self.started) * 1000)


@dataclass(slots=True)
class Turn:
    """Where a call in a conversation is written."""

    conversation_id: UUID
    title: str
    user_message_id: UUID
    message_id: UUID
    # What the person asks, and is kept once the input guards have let it pass; None where it is
    # kept already.
    question: str | None = None
    is_new: bool = False


@dataclass(slots=True)
class Answer:
    """What has come from the provider so far."""

    # What may be shown and kept.
    parts: list[str] = field(default_factory=list)
    # What the provider has said, where guards stand between; it is counted and not kept.
    heard: list[str] | None = None
    was_called: bool = False
    tool_calls: list[dict[str, object]] = field(default_factory=list)
    finish_reason: str | None = None
    usage: Usage | None = None
    first_token_ms: int | None = None
    # How many images or characters came; None where nobody can tell.
    units: int | None = None

    def take(self, result: ChatResult) -> None:
        """Take in a whole answer."""
        self.parts.append(result.content)
        self.tool_calls = list(result.tool_calls or [])
        self.finish_reason, self.usage = result.finish_reason, result.usage

    def add(self, delta: Delta, call: Call) -> None:
        """Take in one piece of a streamed answer that is passed on at once."""
        self.release(delta, call)
        self._note(delta)

    def hear(self, delta: Delta) -> None:
        """Take in one piece of a streamed answer that guards have to judge first."""
        if self.heard is None:
            self.heard = []
        self.heard.append(delta.text)
        self._note(delta)

    def release(self, delta: Delta, call: Call) -> None:
        """Take in what is passed on."""
        if delta.text or delta.tool_calls:
            if self.first_token_ms is None:
                self.first_token_ms = call.elapsed_ms()
            self.parts.append(delta.text)
        if delta.tool_calls:
            self.tool_calls.extend(delta.tool_calls)

    def _note(self, delta: Delta) -> None:
        self.finish_reason = delta.finish_reason or self.finish_reason
        self.usage = delta.usage or self.usage

    @property
    def text(self) -> str:
        """What may be shown and kept."""
        return "".join(self.parts)

    @property
    def said(self) -> str:
        """What the provider has said, for counting."""
        return self.text if self.heard is None else "".join(self.heard)
