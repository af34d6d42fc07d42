"""Secrets stay secret: not in a repr, a log, an error, a warning, a URL, a problem or an identity, in any spelling
(auth.md A26)."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest

from fabro_core.auth.base import AuthMethod, Bearer, LoginCallback, LoginOption
from fabro_core.errors import CredentialsRejected
from fabro_core.secret import Secret
from fabro_core.testing.auth.answers import agreed, begun, filled_in, in_time, new_attempt, vouched_for
from fabro_core.testing.auth.case import AuthCase, Authorize, provider_of
from fabro_core.testing.auth.leaks import Overheard, overhearing, require_unsaid
from fabro_core.testing.auth.redirects import BAD_DAYS
from fabro_core.testing.identity_provider import Mood


class SecrecyConformance(AuthCase):
    """What nobody reads."""

    async def test_a_token_is_in_no_text_that_anybody_reads(self, opened: AuthMethod, token: str) -> None:
        secrets = {"the valid token": token, "a token with another end": _with_another_end(token)}
        with overhearing() as heard:
            for wrong in (token, f"{token}0", secrets["a token with another end"], f"{token[:-1]}ü"):
                await _hear_of_token(heard, opened, wrong)
            identity = await opened.authenticate(Bearer(token=Secret(token)))
            assert identity is not None
            heard.note("the identity", identity)
            await opened.permits(identity)
            opened.credential_of(identity)
            await _hear_of_itself(heard, opened)
        require_unsaid(secrets, heard)

    async def test_what_is_secret_of_a_form_is_in_no_text_that_anybody_reads(
        self, opened: AuthMethod, option: LoginOption, form: Mapping[str, str]
    ) -> None:
        secrets = {f"the field {field.name}": form[field.name] for field in option.fields if field.secret}
        with overhearing() as heard:
            identity = await opened.sign_in(filled_in(form))
            heard.note("the identity", identity)
            await opened.permits(identity)
            opened.credential_of(identity)
            for name in form:
                for wrong in ("0", f"{form[name]}0", f"{form[name]}ü", "\ud800", ""):
                    await _hear_of_form(heard, opened, {**form, name: wrong})
            typo = {name: f"{value}0" for name, value in form.items()}
            await _hear_of_form(heard, opened, typo)
            await _hear_of_itself(heard, opened)
        require_unsaid(secrets, heard)

    async def test_what_finishes_a_sign_in_is_in_no_text_that_anybody_reads(
        self, opened: AuthMethod, agree: Authorize
    ) -> None:
        callbacks = [await agreed(opened, agree) for _ in range(3)]
        secrets = {
            f"the {name} of sign-in {number}": secret.reveal()
            for number, each in enumerate(callbacks, start=1)
            for name, secret in (("code", each.code), ("verifier", each.code_verifier), ("kept", each.kept))
            if secret is not None and secret.reveal()
        }
        with overhearing() as heard:
            identity = await opened.finish_login(callbacks[0])
            heard.note("the identity", identity)
            await opened.permits(identity)
            opened.credential_of(identity)
            wrong = new_attempt().code_verifier
            await _hear_of_callback(heard, opened, msgspec.structs.replace(callbacks[1], code_verifier=wrong))
            odd = Secret(f"{callbacks[2].code.reveal()}ü\n")
            await _hear_of_callback(heard, opened, msgspec.structs.replace(callbacks[2], code=odd))
            await _hear_of_itself(heard, opened)
        _add_provider(secrets, heard, agree)
        require_unsaid(secrets, heard)

    async def test_what_begins_a_sign_in_is_in_no_text_that_anybody_reads(
        self, opened: AuthMethod, claimed_agree: Authorize
    ) -> None:
        attempt = new_attempt()
        with overhearing() as heard:
            redirect = await begun(opened, attempt)
            await _hear_of_itself(heard, opened)
        state = {"the state": attempt.state.reveal()}
        require_unsaid(state, heard)
        secrets = {"the verifier": attempt.code_verifier.reveal()}
        heard.note("the URL that the browser is sent to", redirect.url)
        _add_provider(secrets, heard, claimed_agree)
        require_unsaid(secrets, heard)

    @pytest.mark.parametrize("mood", BAD_DAYS)
    async def test_what_a_provider_says_on_a_bad_day_tells_no_secret(
        self, opened: AuthMethod, agree: Authorize, mood: Mood
    ) -> None:
        provider = provider_of(agree)
        if provider is None:
            return
        callback = await agreed(opened, agree)
        secrets = {"the code": callback.code.reveal(), "the verifier": callback.code_verifier.reveal()}
        provider.mood = mood
        with overhearing() as heard:
            await _hear_of_callback(heard, opened, callback)
            await _hear_of_itself(heard, opened)
        _add_provider(secrets, heard, agree)
        require_unsaid(secrets, heard)


def _add_provider(secrets: dict[str, str], heard: Overheard, authorize: Authorize) -> None:
    """What the provider for tests knows of: its client's secret, the tokens it has issued, and how it was asked."""
    provider = provider_of(authorize)
    if provider is not None:
        secrets["the client's secret"] = provider.client_secret
        secrets |= {f"access token {number}": token for number, token in enumerate(sorted(provider.tokens), start=1)}
        heard.note("the query of a URL", *provider.queries)


async def _hear_of_token(heard: Overheard, method: AuthMethod, token: str) -> None:
    try:
        await in_time(method.authenticate(Bearer(token=Secret(token))))
    except (Exception, SystemExit) as error:  # noqa: BLE001  (whatever it is, it is read)
        heard.note_error(_where(error, "a rejection"), error)


async def _hear_of_form(heard: Overheard, method: AuthMethod, form: Mapping[str, str]) -> None:
    try:
        await in_time(method.sign_in(filled_in(form)))
    except (Exception, SystemExit) as error:  # noqa: BLE001  (as above)
        heard.note_error(_where(error, "a rejection"), error)


async def _hear_of_callback(heard: Overheard, method: AuthMethod, callback: LoginCallback) -> None:
    try:
        await vouched_for(method, callback)
    except (Exception, SystemExit) as error:  # noqa: BLE001  (as above)
        heard.note_error(_where(error, "a failure of the provider"), error)


def _where(error: BaseException, usual: str) -> str:
    return usual if isinstance(error, CredentialsRejected) else f"{usual} ({type(error).__name__})"


async def _hear_of_itself(heard: Overheard, method: AuthMethod) -> None:
    heard.note("the repr of the method", repr(method), str(method), f"{method}")
    heard.note("the option", method.option())
    heard.note("a problem", *(problem.line() for problem in await method.check()))


def _with_another_end(token: str) -> str:
    return token[:-1] + ("0" if token[-1] != "0" else "1")
