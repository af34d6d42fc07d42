"""The exception tree. An error is built where the fact is known; `fabro_core.http.failures` alone turns it into HTTP.

Three families: faults of configuration (`StartupError`), faults of a store or an auth method (raised by plugins,
handled by the core), and refusals of a request (`Refusal`), whose text a client sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fabro_core.context import Problem


class FabroError(Exception):
    """Base of every error that this package raises on purpose."""


class StartupError(FabroError):
    """The server cannot start; carries *every* problem that was found (server.md S18)."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problem.line() for problem in self.problems))


# -- raised by stores -------------------------------------------------------------------------------------------


class StoreError(FabroError):
    """Base of everything a `RunStore` may raise. A driver's own exception never leaves a store."""


class StoreUnavailable(StoreError):
    """The store cannot answer now. The write has happened completely or not at all (server.md S27)."""


class StoreFenced(StoreUnavailable):
    """A write was refused, as the store is fenced (`FENCE_COLLECTION`); nothing was written, and reads go on."""

    def __init__(self) -> None:
        super().__init__("The store is fenced: it takes no writes, as what it holds moves to another store.")


class StoreMisconfigured(StoreError):
    """Opening found a fault that only an operator can mend: path not writable, schema too new (server.md S18).

    The message names what is wrong and the way out; it reaches the operator, never a client.
    """


class SeqConflict(StoreError):
    """`append` expected another newest sequence number; nothing was written."""

    def __init__(self, expected: int, actual: int) -> None:
        self.expected, self.actual = expected, actual
        super().__init__(f"expected sequence number {expected}, found {actual}")


class TooBroad(StoreError):
    """A search would have to look at more runs than `RunQuery.max_rows`."""


class RevisionConflict(StoreError):
    """A conditional document write or delete found another revision; nothing was written."""


# -- raised by auth methods -------------------------------------------------------------------------------------


class CredentialsRejected(FabroError):
    """The credential is of this method's kind and is not valid (auth.md A4). Carries no detail on purpose."""


# -- refusals of a request --------------------------------------------------------------------------------------


class Refusal(FabroError):
    """A request that is answered with an error envelope (server.md S5). `str(error)` is the envelope's `detail`.

    `code` is the stable snake_case code of the envelope, None where the specification assigns none.
    """

    def __init__(self, detail: str, *, code: str | None = None) -> None:
        self.detail, self.code = detail, code
        super().__init__(detail)


class InvalidRequest(Refusal):
    """Path, query or body is not valid: 400."""


class Unprocessable(Refusal):
    """The body is JSON that breaks the schema or a rule of what it is for, where that is told apart from bytes that are
    no JSON (resources.md X5): 422."""


class NoManifest(Unprocessable):
    """A source of manifests has none of what is to be run, or one that is not valid (resources.md X10): 422."""


class CodeHostFailed(Refusal):
    """Whoever has a repository has failed, or cannot be asked (resources.md X10): 502."""


class NotFound(Refusal):
    """The named resource does not exist: 404."""


class StreamClosed(Refusal):
    """The run has ended and no event is left to stream (events.md E6): 410 `stream_closed`."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, code="stream_closed")


class Conflict(Refusal):
    """The resource is in a state that forbids the operation, or a write lost its race: 409."""


class Contended(Conflict):
    """Other servers changed a document each time that it was to be changed; nothing was written: 409."""

    def __init__(self) -> None:
        super().__init__("Others kept changing this at the same time. Try again.")


class IllegalTransition(Conflict):
    """The state machine does not allow the event (runs.md R6.2): 409 `illegal_transition`."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, code="illegal_transition")


class TurnActive(Conflict):
    """A turn of the session goes on (resources.md X2): 409 `session_active_turn`."""

    def __init__(self, turn_id: str) -> None:
        self.turn_id = turn_id
        super().__init__("A turn of the session is active.", code="session_active_turn")


class RunArchived(Conflict):
    """An archived run refuses the operation (runs.md R6.4): 409 `run_archived`."""

    def __init__(self, detail: str = "The run is archived.") -> None:
        super().__init__(detail, code="run_archived")


class WorkerControlUnavailable(Refusal):
    """Nothing on this server reaches the worker of a run (resources.md X4): 503 `worker_control_unavailable`."""

    def __init__(self) -> None:
        super().__init__(
            "Nothing on this server can join people with the agent of a run.", code="worker_control_unavailable"
        )


class IntegrationUnavailable(Refusal):
    """What would have to reach an external service is not configured, or is down (resources.md X1): 503."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, code="integration_unavailable")


class SecretsUnavailable(Refusal):
    """There is no key that seals or opens it: 503 `secrets_unavailable` (resources.md X6)."""

    def __init__(self, detail: str = "The server has no session secret, and keeps no secrets without one.") -> None:
        super().__init__(detail, code="secrets_unavailable")


class Overloaded(Refusal):
    """What was asked for could not be done in its time: 503 `overloaded`."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, code="overloaded")


class StorageFull(Refusal):
    """What a request carries could not be put down on this machine: 503 `storage_full` (server.md S5)."""

    def __init__(self) -> None:
        super().__init__("There is no room for the request. Try again later.", code="storage_full")


class NotSupported(Refusal):
    """This server has no means to do it (runs.md R1.2): 501."""
