"""Who is asking. Public: the interface of an auth method with what it is given and what it answers, and who has made a
request.

Everything else in this package is the core's own: sessions, tokens, and the judgement of a request's credentials.
"""

from __future__ import annotations

from fabro_core.auth.base import (
    AuthMethod,
    Bearer,
    Identity,
    LoginAttempt,
    LoginCallback,
    LoginField,
    LoginForm,
    LoginOption,
    Redirect,
)
from fabro_core.auth.caller import SessionRef, User
from fabro_core.errors import CredentialsRejected

__all__ = [
    "AuthMethod",
    "Bearer",
    "CredentialsRejected",
    "Identity",
    "LoginAttempt",
    "LoginCallback",
    "LoginField",
    "LoginForm",
    "LoginOption",
    "Redirect",
    "SessionRef",
    "User",
]
