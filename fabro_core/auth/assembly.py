"""What one server has to tell who somebody is, put together: credentials, sign-ins and the limit on attempts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from secrets import token_bytes

from fabro_core.auth.authenticator import Authenticator
from fabro_core.auth.base import AuthMethod, LoginOption
from fabro_core.auth.cli_logins import CliLogins, cli_logins
from fabro_core.auth.keys import KEY_BYTES, Purpose, derive_key
from fabro_core.auth.login_states import LoginStates
from fabro_core.auth.sessions import BrowserSessions
from fabro_core.auth.sign_in_limit import SignInLimit
from fabro_core.auth.worker_tokens import WorkerTokens
from fabro_core.clock import Clock
from fabro_core.secret import Secret
from fabro_core.store.base import RunStore


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserSignIns:
    """What signs people in with a browser; command-line programs among what they sign in."""

    sessions: BrowserSessions
    states: LoginStates
    cli: CliLogins


@dataclass(frozen=True, slots=True, kw_only=True)
class Authentication:
    """The collaborators of one server."""

    methods: Mapping[str, AuthMethod]
    """Enabled auth methods by name, in the order of the settings."""
    options: Mapping[str, LoginOption]
    """How people sign in with a browser, by method, in the order of the settings; empty without pages."""
    authenticator: Authenticator
    workers: WorkerTokens
    attempts: SignInLimit
    browser: BrowserSignIns | None
    """None without pages."""

    def require_browser(self) -> BrowserSignIns:
        """What signs people in with a browser, for routes that there are only with pages."""
        assert self.browser is not None
        return self.browser


def authentication(
    store: RunStore,
    clock: Clock,
    methods: Sequence[AuthMethod],
    options: Mapping[str, LoginOption],
    *,
    public_url: str,
    session_secret: Secret | None,
    web_enabled: bool,
    attempts_per_minute: int,
) -> Authentication:
    """The authentication of a server at `public_url`. Without a session secret worker tokens end with it (auth.md A24),
    and nobody signs in with a browser."""
    browser = None
    if session_secret is not None and web_enabled:
        browser = BrowserSignIns(
            sessions=BrowserSessions(store, clock, session_secret),
            states=LoginStates(store, clock, session_secret),
            cli=cli_logins(store, clock, session_secret, issuer=public_url, methods=methods, options=options),
        )
    workers = WorkerTokens(_worker_key(session_secret), clock)
    return Authentication(
        methods={method.name: method for method in methods},
        options=options,
        authenticator=Authenticator(
            methods,
            workers,
            None if browser is None else browser.sessions,
            None if browser is None else browser.cli.access_tokens,
        ),
        workers=workers,
        attempts=SignInLimit(store, clock, limit=attempts_per_minute),
        browser=browser,
    )


def _worker_key(session_secret: Secret | None) -> bytes:
    return token_bytes(KEY_BYTES) if session_secret is None else derive_key(session_secret, Purpose.WORKER_TOKENS)
