"""What manifests refer to, read from the resources that keep it."""

from __future__ import annotations

from fabro_core.resources.environments import Environments, environment_settings
from fabro_core.resources.variables import Variables
from fabro_core.runs.settings.stored import ReadStoredSettings, StoredSettings


def stored_settings_reader(variables: Variables, environments: Environments) -> ReadStoredSettings:
    """Reads everything anew for each manifest."""

    async def read() -> StoredSettings:
        return StoredSettings(
            variables={each.name: each.value for each in await variables.all()},
            environments={each.id: environment_settings(each) for each in await environments.stored()},
        )

    return read
