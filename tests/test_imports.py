"""Who may import whom, and what importing costs: the structure of the packages, held by reading their code."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]
CORE: Final = ROOT / "fabro_core"
SHIPPED: Final = sorted([*CORE.rglob("*.py"), *(ROOT / "plugins").rglob("*.py")])
EVERYTHING: Final = sorted(
    [*SHIPPED, *(path for name in ("tests", "benchmarks") for path in (ROOT / name).rglob("*.py"))]
)

MAX_LINES: Final = 400

FOUNDATION: Final = frozenset(
    {"causes", "clock", "context", "errors", "lazy", "near", "redaction", "secret", "text", "unseen", "within"}
)
"""Modules that everybody may use; they know only each other."""

DIVIDED: Final = frozenset({"api", "runs", "sessions"})
"""Packages whose sub-packages, and whose modules beside them, are parts of their own."""

MAY_IMPORT: Final[dict[str, set[str]]] = {
    "models": set(),
    "hooks": set(),
    "store": {"models", "hooks"},  # hooks: the memory store is a plugin
    "documents": {"store"},
    "auth": {"documents", "models", "store"},
    "config": set(),
    "plugins": {"auth", "automation", "config", "hooks", "sessions", "sessions.base", "store"},
    "runs.off_loop": set(),
    "runs.paths": set(),
    "runs.templates": set(),
    "runs.workflow": {"models", "runs.paths", "runs.templates"},
    "runs.pictures": {"models", "runs.off_loop", "runs.workflow"},
    "runs.settings": {"config", "models"},  # config: what docstrings say of fields
    "runs.fold": {"models", "store"},
    "runs.log": {"models", "runs.fold", "runs.off_loop", "store"},
    "runs.decide": {"documents", "models", "runs.fold", "runs.log", "store"},
    "runs.attachments": {
        "documents",
        "models",
        "runs.decide",
        "runs.fold",
        "runs.log",
        "runs.off_loop",
        "runs.paths",
        "runs.workflow",
        "store",
    },
    "runs.create": {
        "models",
        "runs.decide",
        "runs.fold",
        "runs.log",
        "runs.off_loop",
        "runs.paths",
        "runs.settings",
        "runs.templates",
        "runs.workflow",
        "store",
    },
    "runs.views": {"models", "runs.fold", "runs.log", "runs.off_loop", "runs.pictures", "runs.workflow", "store"},
    "runs.follow": {"models", "runs.log", "store"},
    "runs.pairs": {"models", "runs.decide", "runs.fold", "runs.log", "runs.views", "store"},
    "runs.sessions": {"documents", "models", "runs.decide", "runs.fold", "runs.log", "runs.views", "store"},
    "runs.service": {
        "models",
        "runs.attachments",
        "runs.create",
        "runs.decide",
        "runs.fold",
        "runs.log",
        "runs.off_loop",
        "runs.pairs",
        "runs.pictures",
        "runs.sessions",
        "runs.settings",
        "runs.views",
        "store",
    },
    "sessions": {"models", "sessions.base"},
    "sessions.base": {"models"},
    "sessions.reading": {"models", "runs.service", "sessions.base", "store"},
    "sessions.telling": {"models", "sessions.base"},
    "sessions.claims": {"documents", "models", "runs.decide", "runs.sessions", "sessions.telling", "store"},
    "sessions.replies": {
        "models",
        "runs.decide",
        "runs.fold",
        "runs.service",
        "runs.sessions",
        "sessions.base",
        "sessions.claims",
        "sessions.reading",
        "sessions.telling",
    },
    "resources": {"documents", "models", "runs.paths", "runs.settings", "store"},  # settings: what manifests refer to
    "automation": {"documents", "models", "resources", "runs.service", "store"},
    "upkeep": {"store"},
    "http": {
        "auth",
        "automation",
        "config",
        "models",
        "resources",
        "runs.follow",
        "runs.service",
        "sessions.replies",
        "upkeep",
    },
    "api.resources": {"http", "models", "resources"},
    "api.account": {"auth", "http", "models"},
    "api.server": {"config", "http", "models", "upkeep"},
    "api.runs": {"auth", "http", "models", "resources", "runs.attachments", "runs.create", "runs.decide", "runs.fold"}
    | {"runs.log", "runs.paths", "runs.pictures", "runs.views", "store"},
    "web": {"auth", "http", "models", "runs.fold", "runs.views", "store"},
    "api.routes": {"api.account", "api.resources", "api.runs", "api.server", "http", "web"},
    "boot": {"auth", "config", "plugins", "store"},
    "home": {"boot", "config"},
    "client": {"config", "models", "runs.paths", "runs.settings", "runs.workflow"},
    "app": {
        "api.routes",
        "api.server",
        "auth",
        "automation",
        "boot",
        "config",
        "http",
        "plugins",
        "resources",
        "runs.follow",
        "runs.service",
        "sessions.claims",
        "sessions.replies",
        "upkeep",
        "web",
    },
    "embedding": {"app", "boot", "config", "http", "plugins", "upkeep"},
    "server": {"app", "boot", "config", "http"},
    "transfer": {"models", "runs.fold", "store"},
    "cli": {
        "app",
        "boot",
        "client",
        "config",
        "home",
        "hooks",
        "models",
        "plugins",
        "runs.settings",
        "scaffold",
        "server",
        "transfer",
    },
    "scaffold": {"config", "plugins", "store"},
    "settings": {"config"},
    "testing": {
        "app",
        "auth",
        "boot",
        "config",
        "hooks",
        "http",
        "models",
        "plugins",
        "runs.log",
        "runs.service",
        "server",
        "sessions.base",
        "sessions.reading",
        "sessions.telling",
        "store",
    },
}


@cache
def imports(path: Path) -> tuple[str, ...]:
    """The dotted names that a module imports, at whatever place in it. What is taken from a package may be a module."""
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += (f"{node.module}.{alias.name}" for alias in node.names)
    return tuple(names)


def unit_of(path: Path) -> str:
    """The part of the core that a file belongs to: a package, a single module, or a part of a divided package."""
    first, *rest = path.relative_to(CORE).with_suffix("").parts
    return f"{first}.{rest[0]}" if first in DIVIDED and rest != ["__init__"] else first


def unit_named(name: str) -> str:
    """The part of the core that a dotted name below `fabro_core` belongs to."""
    first, *rest = name.split(".")[1:]
    return f"{first}.{rest[0]}" if first in DIVIDED and rest else first


def units_imported_by(unit: str) -> set[str]:
    names = {name for path in CORE.rglob("*.py") if unit_of(path) == unit for name in imports(path)}
    return {unit_named(name) for name in names if name.startswith("fabro_core.")} - {unit, "__version__"}


def importers_of(distribution: str) -> set[str]:
    """The shipped modules that import it, by their path below the root."""
    return {
        str(path.relative_to(ROOT))
        for path in SHIPPED
        if any(name.split(".")[0] == distribution for name in imports(path))
    }


def test_every_part_of_the_core_has_its_place() -> None:
    assert {unit_of(path) for path in CORE.rglob("*.py")} == {"__init__", *DIVIDED, *FOUNDATION, *MAY_IMPORT}


@pytest.mark.parametrize("unit", sorted(MAY_IMPORT))
def test_a_part_imports_only_what_is_below_it(unit: str) -> None:
    assert units_imported_by(unit) - FOUNDATION <= MAY_IMPORT[unit]


def test_there_is_no_circle() -> None:
    assert set(TopologicalSorter(MAY_IMPORT).static_order()) == MAY_IMPORT.keys()


@pytest.mark.parametrize("unit", sorted(FOUNDATION))
def test_the_foundation_imports_nothing_above_it(unit: str) -> None:
    assert units_imported_by(unit) <= FOUNDATION


def test_the_interface_of_auth_methods_stands_on_the_foundation_alone() -> None:
    named = {name for name in imports(CORE / "auth" / "base.py") if name.startswith("fabro_core.")}
    assert {name.split(".")[1] for name in named} <= FOUNDATION


@pytest.mark.parametrize("unit", ["models", "store", "auth", "config", "runs", "testing"])
def test_litestar_stays_in_the_layers_of_http(unit: str) -> None:
    assert not {path for path in importers_of("litestar") if path.startswith(f"fabro_core/{unit}/")}


def test_the_core_imports_things_from_where_they_are_defined() -> None:
    names = ("auth", "settings", "store", "testing", "client")
    facades = {"fabro_core", *(f"fabro_core.{name}" for name in names)}
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in CORE.rglob("*.py")}
    modules |= {name.removesuffix(".__init__") for name in modules}
    re_exported = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in CORE.rglob("*.py")
        for name in imports(path)
        if name.rpartition(".")[0] in facades and name not in {*modules, "fabro_core.__version__"}
    }
    assert re_exported == set()


def test_the_core_imports_no_plugin() -> None:
    named = {name.split(".")[0] for path in CORE.rglob("*.py") for name in imports(path)}
    assert not {name for name in named if name.startswith("fabro_") and name != "fabro_core"}


def test_the_core_names_plugins_of_this_project_only_as_data() -> None:
    """Which host a repository is on (`models`, `runs`) is another matter."""
    names = re.compile(r"github|dev.?token|sqlite|postgres|redis\b", re.IGNORECASE)
    naming = {
        str(path.relative_to(CORE))
        for path in CORE.rglob("*.py")
        if path.relative_to(CORE).parts[0] not in {"models", "runs", "testing"}
        for word in words_of(path)
        if names.search(word)
    }
    assert naming == {
        "api/resources/repositories.py",  # an operation of the API document
        "api/server/integrations.py",  # members that it requires of every server
        "auth/refusals.py",  # codes and texts of the protocol
        "auth/cli_consents.py",  # the same
        "cli/auth.py",  # the commands that are about the dev token
        "client/login.py",  # what they do
        "client/logins.py",  # what they keep
        "config/in_force.py",  # members that the API document requires of every server
        "config/unsupported.py",  # the way out of settings that are refused
        "config/values.py",  # an example of a name
        "home/initialise.py",  # the settings file of a new home
        "resources/secrets.py",  # names that secrets cannot have, and one that a file may have
        "plugins/kinds.py",  # the default of `server.store.kind`, and which extra installs what
    }


def words_of(path: Path) -> Iterator[str]:
    """The names and the texts in a module's code; docstrings are not among them."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    described = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if id(node) not in described:
                yield text
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield name


def test_pluggy_is_used_by_the_plugin_host_alone() -> None:
    assert importers_of("pluggy") == {
        "fabro_core/hooks.py",
        "fabro_core/plugins/host.py",
        "fabro_core/plugins/verify.py",
    }


def test_one_module_touches_the_process_environment() -> None:
    names = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"}
    touching = {
        str(path.relative_to(ROOT))
        for path in SHIPPED
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Attribute) and node.attr in names and ast.unparse(node.value) == "os")
        or (isinstance(node, ast.ImportFrom) and node.module == "os" and names & {alias.name for alias in node.names})
    }
    assert touching == {"fabro_core/config/secrets.py"}


def test_no_import_is_relative() -> None:
    relative = {
        str(path.relative_to(ROOT))
        for path in EVERYTHING
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.level
    }
    assert relative == set()


def test_no_module_is_longer_than_one_subject_needs() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in EVERYTHING}
    assert {path: lines for path, lines in lengths.items() if lines > MAX_LINES} == {}


# -- what importing costs -----------------------------------------------------------------------------------------


def python(script: str) -> str:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_module_of_the_core_imports_without_what_only_plugins_need() -> None:
    script = """
import importlib, pkgutil, sys
for name in ("sqlalchemy", "redis", "authlib"):
    sys.modules[name] = None
import fabro_core
for module in pkgutil.walk_packages(fabro_core.__path__, "fabro_core."):
    importlib.import_module(module.name)
"""
    python(script)


def test_what_few_requests_need_is_not_loaded_before_the_first_of_them() -> None:
    told = python("import sys, fabro_core.server.process; print(*sys.modules)").split()
    assert "litestar" in told
    assert "jinja2" not in told
    rare = ("runs.create.steps", "runs.workflow.compile", "runs.templates.", "runs.settings.model", "runs.pictures.svg")
    assert [name for name in told if name.removeprefix("fabro_core.").startswith(rare)] == []


@pytest.mark.parametrize(
    "script",
    ["import fabro_core", "import sys; sys.argv = ['fabro', '--version']; from fabro_core.cli import main; main()"],
    ids=["import", "version"],
)
def test_a_light_start_imports_nothing_heavy(script: str) -> None:
    told = python(
        "import atexit, json, sys\n"
        "atexit.register(lambda: print(json.dumps(sorted({name.split('.')[0] for name in sys.modules}))))\n" + script
    )
    loaded = set(json.loads(told.splitlines()[-1]))
    assert "fabro_core" in loaded
    assert not loaded & {"litestar", "msgspec", "pluggy", "sqlalchemy", "uvicorn", "re2", "asyncio", "httpx"}
