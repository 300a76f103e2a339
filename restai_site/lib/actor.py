"""Who acts: the one value every credential resolves to."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Actor:
    """A resolved credential.

    Holds no rights beyond the platform role: what the actor may reach is always asked of the
    database, so that a change of role works at once.
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

    @property
    def own_id(self) -> int:
        """The user's id for queries; 0, which is nobody's, where there is no user."""
        return self.user_id or 0

    @classmethod
    def system(cls, name: str) -> "Actor":
        """Return the actor of a command or task: all rights, no user, named in the audit trail."""
        return cls(user_id=None, email="", is_platform_admin=True, credential=f"system:{name}")
