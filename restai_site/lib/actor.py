"""Who acts: the one value every credential resolves to."""

from dataclasses import dataclass
from uuid import UUID

FULL, READ, CHAT, WIDGET = "full", "read", "chat", "widget"
SYSTEM = "system:"


@dataclass(frozen=True, slots=True)
class Actor:
    """A resolved credential.

    Holds no rights beyond the platform role: what the actor may reach is always asked of the
    database, so that a change of role works at once. `scope`, `project_ids` and `team_id` are the
    limits of the credential; a narrowed credential of a platform administrator has no platform
    role, but `reaches_all` within its limits.
    """

    user_id: int | None
    email: str
    is_platform_admin: bool = False
    credential: str = "session"
    api_key_id: int | None = None
    impersonator_id: int | None = None
    impersonator_email: str = ""
    ip: str | None = None
    user_agent: str = ""
    request_id: str = ""
    session_id: UUID | None = None
    is_restricted: bool = False
    scope: str = FULL
    project_ids: frozenset[int] | None = None
    team_id: int | None = None
    reaches_all: bool = False
    # The visitor of another website for whom a widget's key speaks.
    visitor_id: UUID | None = None
    # How many calls of models the user, and this key of theirs, may make; None: no limit.
    requests_per_minute: int | None = None
    key_requests_per_minute: int | None = None

    def __post_init__(self) -> None:
        """Refuse what no credential is: a platform role within limits, or all without any."""
        if self.is_narrowed and self.is_platform_admin:
            raise ValueError("A narrowed credential has no platform role.")
        if self.reaches_all and not self.is_narrowed:
            raise ValueError("Only a narrowed credential reaches all within its limits.")

    @property
    def own_id(self) -> int:
        """The user's id for queries; 0, which is nobody's, where there is no user."""
        return self.user_id or 0

    @property
    def is_own_session(self) -> bool:
        """Whether a person is here in their own name: what touches credentials asks for it."""
        return self.session_id is not None and self.impersonator_id is None

    @property
    def is_system(self) -> bool:
        """Whether a command or a task acts, and no person."""
        return self.credential.startswith(SYSTEM)

    @property
    def handles_credentials(self) -> bool:
        """Whether users and credentials may be changed: by people as themselves, and commands."""
        return self.is_own_session or self.is_system

    @property
    def is_narrowed(self) -> bool:
        """Whether the credential reaches only some of what its owner reaches."""
        return self.project_ids is not None or self.team_id is not None

    @classmethod
    def system(cls, name: str) -> "Actor":
        """Return the actor of a command or task: all rights, no user, named in the audit trail."""
        return cls(user_id=None, email="", is_platform_admin=True, credential=SYSTEM + name)
