"""What one server has to tell who somebody is, put together: credentials, sign-ins and the limit on attempts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from secrets import token_bytes
from urllib.parse import urlsplit

from fabro_core.auth.access_tokens import AccessTokens
from fabro_core.auth.authenticator import Authenticator
from fabro_core.auth.base import AuthMethod, LoginOption
from fabro_core.auth.chains import Chains
from fabro_core.auth.cli_consents import CliConsents
from fabro_core.auth.cli_flows import CliFlows
from fabro_core.auth.cli_logins import CliLogins
from fabro_core.auth.codes import Codes
from fabro_core.auth.keys import KEY_BYTES, Purpose, SessionSecrets, derive_key
from fabro_core.auth.lasting import LastingSignIns
from fabro_core.auth.login_states import LoginStates
from fabro_core.auth.refresh_tokens import RefreshTokens
from fabro_core.auth.sessions import BrowserSessions
from fabro_core.auth.sign_in_limit import SignInLimit
from fabro_core.auth.sign_ins import SignIns
from fabro_core.auth.worker_tokens import WorkerTokens
from fabro_core.clock import Clock
from fabro_core.secret import Secret
from fabro_core.store.base import RunStore


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserSignIns:
    """What signs people in with a browser; command-line programs among what they sign in."""

    sessions: BrowserSessions
    states: LoginStates
    sign_ins: SignIns
    consents: CliConsents
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
    lasting: LastingSignIns
    browser: BrowserSignIns | None
    """None without pages."""

    @property
    def sealed(self) -> tuple[LoginStates, ...]:
        """Everything in the store that has sealed fields."""
        return () if self.browser is None else (self.browser.states,)

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
    previous_session_secret: Secret | None = None,
    web_enabled: bool,
    attempts_per_minute: int,
) -> Authentication:
    """The authentication of a server at `public_url`. Without a session secret worker tokens end with it (auth.md A24),
    and nobody signs in with a browser; the previous one only opens what it has sealed."""
    by_name = {method.name: method for method in methods}
    workers = WorkerTokens(_worker_key(session_secret), clock)
    attempts = SignInLimit(store, clock, limit=attempts_per_minute)
    if session_secret is None or not web_enabled:
        return Authentication(
            methods=by_name,
            options=options,
            authenticator=Authenticator(methods, workers),
            workers=workers,
            attempts=attempts,
            lasting=LastingSignIns(None, None),
            browser=None,
        )
    session_secrets = SessionSecrets(session_secret, previous_session_secret)
    refresh_tokens = RefreshTokens(*session_secrets.keys(Purpose.REFRESH_TOKENS))
    sessions, chains = BrowserSessions(store, clock, session_secret), Chains(store, clock, refresh_tokens)
    codes = Codes(store, clock)
    states = LoginStates(store, clock, session_secret, previous_session_secret)
    access_keys, cookie_key = session_secrets.keys(Purpose.ACCESS_TOKENS), derive_key(session_secret, Purpose.COOKIES)
    access_tokens = AccessTokens(*access_keys, clock=clock, issuer=public_url, chains=chains)
    authenticator = Authenticator(methods, workers, sessions, access_tokens)
    cli_method = _cli_method(methods, options)
    prefix = urlsplit(public_url).path
    return Authentication(
        methods=by_name,
        options=options,
        authenticator=authenticator,
        workers=workers,
        attempts=attempts,
        lasting=LastingSignIns(sessions, chains),
        browser=BrowserSignIns(
            sessions=sessions,
            states=states,
            sign_ins=SignIns(by_name, options, attempts, sessions, states, public_url=public_url, prefix=prefix),
            consents=CliConsents(cli_method, authenticator, CliFlows(cookie_key, clock), codes, prefix=prefix),
            cli=CliLogins(by_name, codes, chains, refresh_tokens, access_tokens, on=cli_method is not None),
        ),
    )


def _cli_method(methods: Sequence[AuthMethod], options: Mapping[str, LoginOption]) -> AuthMethod | None:
    """What people sign in with for command-line programs: the first method whose option is a redirect (auth.md A19)."""
    redirecting = (method for method in methods if method.name in options and options[method.name].kind == "redirect")
    return next(redirecting, None)


def _worker_key(session_secret: Secret | None) -> bytes:
    return token_bytes(KEY_BYTES) if session_secret is None else derive_key(session_secret, Purpose.WORKER_TOKENS)
