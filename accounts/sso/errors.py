"""Why a way to a provider and back did not lead to a person, in words for that person."""

from accounts.models import IdentityProvider
from restai_site.lib.errors import DomainError


class IdentityProviderFailed(DomainError):
    """The provider is away, or its answer does not hold. `reason` is for the log."""

    code = "identity_provider_failed"
    status = 502

    def __init__(self, provider: IdentityProvider, reason: str) -> None:
        super().__init__(
            f"{provider} does not answer as it should: try again later, or sign in another way."
        )
        self.reason = reason


class SignInNotBegun(DomainError):
    """The state does not belong to this browser, has been used, or is too old."""

    code = "sign_in_not_begun"
    status = 400

    def __init__(self) -> None:
        super().__init__("This sign-in was not begun in this browser, or took too long: try again.")


class SignInCancelled(DomainError):
    """The person, or the provider, has said no."""

    code = "sign_in_cancelled"
    status = 400

    def __init__(self, provider: IdentityProvider) -> None:
        super().__init__(f"{provider} did not confirm who you are: try again.")
