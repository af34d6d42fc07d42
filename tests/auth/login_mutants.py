"""Methods that sign people in with a browser: two sound ones, and others with one bug each, for `test_login_kit`."""

from __future__ import annotations

import logging
from pathlib import Path

from fabro_auth_github import GitHubAuth
from fabro_core.auth.base import (
    AuthMethod,
    Identity,
    LoginAttempt,
    LoginCallback,
    LoginField,
    LoginForm,
    LoginOption,
    Redirect,
)
from fabro_core.errors import CredentialsRejected
from fabro_core.secret import Secret
from fabro_core.testing import FakeIdentityProvider
from tests.github import github_settings

PASSWORD = "open sesame"
ALI = Identity(issuer="cave", subject="1", login="ali")

log = logging.getLogger("cave")


class Cave(AuthMethod):
    """Opens for two words; keeps every promise."""

    name = "cave"

    def option(self) -> LoginOption:
        return LoginOption(
            label="Cave",
            kind="form",
            fields=(LoginField(name="login", label="Name"), LoginField(name="words", label="Words", secret=True)),
        )

    async def sign_in(self, form: LoginForm, /) -> Identity:
        right = form.fields["login"].matches(Secret("ali")) and form.fields["words"].matches(Secret(PASSWORD))
        if not right:
            raise CredentialsRejected
        return ALI


class Unlabelled(Cave):
    def option(self) -> LoginOption:
        return LoginOption(label=" ", kind="form", fields=super().option().fields)


class Fieldless(Cave):
    def option(self) -> LoginOption:
        return LoginOption(label="Cave", kind="form")


class Moody(Cave):
    asked = 0

    def option(self) -> LoginOption:
        type(self).asked += 1
        return LoginOption(label=f"Cave {self.asked}", kind="form", fields=super().option().fields)


class Generous(Cave):
    async def sign_in(self, form: LoginForm, /) -> Identity:
        if not form.fields["words"].matches(Secret(PASSWORD)):
            raise CredentialsRejected
        return ALI


class Stumbling(Cave):
    async def sign_in(self, form: LoginForm, /) -> Identity:
        form.fields["words"].reveal().encode("ascii")
        return await super().sign_in(form)


class Chatty(Cave):
    async def sign_in(self, form: LoginForm, /) -> Identity:
        log.debug("somebody said %s", form.fields["words"].reveal())
        return await super().sign_in(form)


class Choosy(Cave):
    async def permits(self, identity: Identity, /) -> bool:
        return identity.login == "baba"


class Looking(Cave):
    def credential_of(self, identity: Identity, /) -> Secret:
        return Secret(Path(__file__).read_text(encoding="utf-8"))


class Mint(GitHubAuth):
    """Signs people in at the provider; keeps every promise."""

    name = "mint"

    def __init__(self, provider: FakeIdentityProvider) -> None:
        settings = github_settings(provider, "mona")
        super().__init__(lambda: settings)


class Stateless(Mint):
    async def start_login(self, attempt: LoginAttempt, /) -> Redirect:
        redirect = await super().start_login(attempt)
        return Redirect(url=redirect.url.replace("&state=", "&session="))


class Revealing(Mint):
    async def start_login(self, attempt: LoginAttempt, /) -> Redirect:
        redirect = await super().start_login(attempt)
        return Redirect(url=f"{redirect.url}&code_verifier={attempt.code_verifier.reveal()}")


class Relative(Mint):
    async def start_login(self, attempt: LoginAttempt, /) -> Redirect:
        redirect = await super().start_login(attempt)
        return Redirect(url=redirect.url.partition(":")[2])


class Remembering(Mint):
    async def start_login(self, attempt: LoginAttempt, /) -> Redirect:
        self.newest = attempt.code_verifier
        return await super().start_login(attempt)

    async def finish_login(self, callback: LoginCallback, /) -> Identity:
        newest = LoginCallback(
            callback_url=callback.callback_url, code=callback.code, code_verifier=self.newest, kept=None
        )
        return await super().finish_login(newest)


class Trusting(Mint):
    async def finish_login(self, callback: LoginCallback, /) -> Identity:
        try:
            return await super().finish_login(callback)
        except Exception:
            log.exception("it will be all right")
            return ALI


class Telling(Mint):
    async def finish_login(self, callback: LoginCallback, /) -> Identity:
        log.debug("the code is %s", callback.code.reveal())
        return await super().finish_login(callback)


class Nameless(Mint):
    async def finish_login(self, callback: LoginCallback, /) -> Identity:
        person = await super().finish_login(callback)
        return Identity(issuer=person.issuer, subject="", login=person.login)
