"""The one vocabulary of errors. Services raise these; each surface renders them its own way."""

from collections.abc import Mapping, Sequence


class DomainError(Exception):
    """Something a person or program can act on.

    `message` is one sentence without secrets, `code` a stable word for programs, `status` the
    HTTP status, `fields` the messages for each field of the input, `retry_after` seconds to wait,
    `more` what programs find beside the words, `headers` what goes with the answer.
    `for_administrators` is what platform administrators read instead of `message`, where they can
    do more about it than others.
    """

    code = "error"
    status = 400

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        status: int | None = None,
        fields: Mapping[str, Sequence[str]] | None = None,
        retry_after: int | None = None,
        for_administrators: str | None = None,
        more: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.status = status or self.status
        self.fields = fields
        self.retry_after = retry_after
        self.for_administrators = for_administrators
        self.more = more or {}
        self.headers = headers or {}

    def told_to(self, *, administrator: bool) -> "DomainError":
        """Return the error as the reader may know it."""
        if not administrator or self.for_administrators is None:
            return self
        return DomainError(
            self.for_administrators,
            code=self.code,
            status=self.status,
            fields=self.fields,
            retry_after=self.retry_after,
            more=self.more,
            headers=self.headers,
        )


class Invalid(DomainError):
    """The input is wrong; `fields` says where."""

    code = "invalid"
    status = 400


class Unauthenticated(DomainError):
    """No credential, or one that does not hold."""

    code = "unauthenticated"
    status = 401


class Forbidden(DomainError):
    """The actor may see the object but not do this to it."""

    code = "forbidden"
    status = 403


class NotFound(DomainError):
    """There is no such object, or the actor may not know of it."""

    code = "not_found"
    status = 404


class Conflict(DomainError):
    """The state of the object does not allow this now."""

    code = "conflict"
    status = 409


class TooLarge(DomainError):
    """The input exceeds a documented limit."""

    code = "too_large"
    status = 413


class TooManyRequests(DomainError):
    """A rate limit was reached; `retry_after` says when to come back."""

    code = "rate_limited"
    status = 429


class ProviderFailed(DomainError):
    """The model provider refused, broke, or answered something that is no answer."""

    code = "provider_error"
    status = 502


class ProviderTimedOut(ProviderFailed):
    """The model provider did not answer in time."""

    code = "provider_timeout"
    status = 504


class MailFailed(DomainError):
    """The mail server refused, broke, or could not be reached."""

    code = "mail_failed"
    status = 502


class Unavailable(DomainError):
    """A part of the platform that this needs is away."""

    code = "unavailable"
    status = 503
