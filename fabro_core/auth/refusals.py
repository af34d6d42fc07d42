"""How a request is refused for its credentials (auth.md A5, A6)."""

from __future__ import annotations

from fabro_core.errors import Refusal


class Unauthenticated(Refusal):
    """401. `token_was_given`: the request carried a well-formed bearer token (RFC 6750 §3)."""

    def __init__(
        self, code: str | None = None, *, detail: str = "Authentication required.", token_was_given: bool = False
    ) -> None:
        self.token_was_given = token_was_given
        super().__init__(detail, code=code)


class MethodDisabled(Refusal):
    """401: the method is not among those that the settings enable."""

    def __init__(self) -> None:
        super().__init__("Login method is not enabled.", code="login_method_disabled")


class InvalidCredentials(Refusal):
    """401: what the form says proves nobody's identity."""

    def __init__(self) -> None:
        super().__init__("Invalid credentials.", code="invalid_credentials")


class LoginStateInvalid(Refusal):
    """400: the sign-in was not begun in this browser, is over, or took too long (auth.md A12)."""

    def __init__(self) -> None:
        super().__init__("The sign-in is not under way in this browser.", code="login_state_invalid")


class IdentityProviderFailed(Refusal):
    """502: the identity provider, or the method that asks it, did not do its part (auth.md A12)."""

    def __init__(self, method: str) -> None:
        super().__init__(
            f"The identity provider of {method} did not complete the sign-in.", code="identity_provider_error"
        )


class AccessDenied(Refusal):
    """403: a worker outside its run or its scope (runs.md R2); a person who said no to the identity provider."""

    def __init__(self) -> None:
        super().__init__("Access denied.", code="access_denied")


class LoginNotPermitted(Refusal):
    """403: the identity is authentic, and its method no longer lets it in."""

    def __init__(self) -> None:
        super().__init__("Login not permitted.", code="login_not_permitted")


class CliLoginNotConfigured(Refusal):
    """403: nobody can log in on the command line, as no enabled method signs in at an identity provider."""

    def __init__(self) -> None:
        super().__init__("GitHub login is not configured for this server", code="github_auth_not_configured")


class MethodUnavailable(Refusal):
    """503 for this request alone: an auth method raised or took too long."""

    def __init__(self) -> None:
        super().__init__("The login method is unavailable. Try again later.", code="method_unavailable")
