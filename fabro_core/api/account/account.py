"""Who am I, and how can one sign in (auth.md A16, A17)."""

from __future__ import annotations

from typing import Final

import msgspec

from fabro_core.auth.base import LoginOption
from fabro_core.http.call import Call
from fabro_core.http.operation import operation
from fabro_core.http.reply import Reply, json_reply


class UserResponse(msgspec.Struct, frozen=True):
    login: str


class AuthSessionUser(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    login: str
    name: str
    email: str
    idp_issuer: str
    idp_subject: str
    avatar_url: str
    user_url: str


class AuthMeResponse(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    user: AuthSessionUser
    provider: str
    """The auth method's settings name."""
    demo_mode: bool


class LoginFieldView(msgspec.Struct, frozen=True, kw_only=True):
    """A field of a sign-in form."""

    name: str
    label: str
    secret: bool


class LoginOptionView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A way to sign in with the browser."""

    name: str
    kind: str
    """`form`, or `redirect` to an identity provider."""
    label: str
    login_url: str
    fields: tuple[LoginFieldView, ...] | None = None
    """Of a form."""


class AuthConfigResponse(msgspec.Struct, frozen=True, kw_only=True):
    methods: tuple[str, ...]
    options: tuple[LoginOptionView, ...]
    """In the order of `methods`; empty: nobody can sign in with a browser."""


@operation("GET", "/user", id="getUser", tag="Auth", summary="The caller's login", answers={200: UserResponse})
async def get_user(call: Call) -> Reply:
    return json_reply(UserResponse(call.user.identity.login))


@operation(
    "GET",
    "/auth/me",
    id="getAuthMe",
    tag="Auth",
    summary="The caller and how they signed in",
    answers={200: AuthMeResponse},
)
async def get_auth_me(call: Call) -> Reply:
    identity = call.user.identity
    user = AuthSessionUser(
        login=identity.login,
        name=identity.name,
        email=identity.email,
        idp_issuer=identity.issuer,
        idp_subject=identity.subject,
        avatar_url=identity.avatar_url,
        user_url=identity.user_url,
    )
    return json_reply(AuthMeResponse(user=user, provider=call.user.method, demo_mode=False))


@operation(
    "GET",
    "/auth/config",
    id="getAuthConfig",
    tag="Auth",
    summary="The enabled ways to authenticate",
    answers={200: AuthConfigResponse},
    guard=None,
)
async def get_auth_config(call: Call) -> Reply:
    services = call.services
    options = [_view(name, option, services.public_prefix) for name, option in services.auth.options.items()]
    return json_reply(AuthConfigResponse(methods=tuple(services.auth.methods), options=tuple(options)))


def _view(name: str, option: LoginOption, prefix: str) -> LoginOptionView:
    fields = tuple(LoginFieldView(name=field.name, label=field.label, secret=field.secret) for field in option.fields)
    return LoginOptionView(
        name=name,
        kind=option.kind,
        label=option.label,
        login_url=f"{prefix}/auth/login/{name}",
        fields=fields or None,
    )


ROUTES: Final = (
    get_user,
    get_auth_me,
    get_auth_config,
)
