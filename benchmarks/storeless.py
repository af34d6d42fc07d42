"""A server of ours without storage: everything that a request costs but keeping what it brings.

python -m benchmarks.storeless

Settings and credentials come from the home that the environment names, as for `fabro server start --foreground`.
"""

from __future__ import annotations

import sys
from types import SimpleNamespace

from benchmarks.servers import FORGETFUL
from fabro_core.app import FabroApp
from fabro_core.boot.assembly import assemble
from fabro_core.boot.reading import SettingsReader
from fabro_core.context import PluginContext
from fabro_core.hooks import PLUGIN_API, hookimpl
from fabro_core.plugins.kinds import Group
from fabro_core.plugins.sources import InlinePlugin
from fabro_core.server.process import Process
from fabro_core.server.serving import Serving
from fabro_core.server.sockets import Binder
from fabro_core.store.base import RunStore
from fabro_core.store.memory import MemoryData, MemoryRunStore
from fabro_core.store.records import AppendBatch


class ForgetfulStore(MemoryRunStore):
    """Keeps runs as they were created: every later append is acknowledged, and gone."""

    async def append(self, batch: AppendBatch, /) -> int:
        if batch.expected_seq == 0:
            return await super().append(batch)
        return batch.events[-1].seq


@hookimpl
def fabro_run_store(ctx: PluginContext) -> RunStore:
    return ForgetfulStore(MemoryData(), name=ctx.name)


def main() -> None:
    target = SimpleNamespace(FABRO_PLUGIN_API=PLUGIN_API, fabro_run_store=fabro_run_store)
    binder = Binder()
    reader = SettingsReader([InlinePlugin(group=Group.STORE, name=FORGETFUL, target=target)])
    assembly = assemble(reader.read(), reserve=binder.reserve)
    process = Process(serving=Serving(assembly, FabroApp(assembly)), binder=binder)
    process.run(log=sys.stdout, log_path=None, announce=lambda _: None)


if __name__ == "__main__":
    main()
