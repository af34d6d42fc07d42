"""Puts imported graphs in the place of the nodes that stand for them (language.md L8).

What is wrong with an import leaves its placeholder in the graph and is one diagnostic of it; compiling goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from msgspec.structs import replace

from fabro_core.models.graph import WorkflowDiagnostic
from fabro_core.runs.paths import directory_of, resolved
from fabro_core.runs.templates.marks import is_template
from fabro_core.runs.workflow.attributes import text_of
from fabro_core.runs.workflow.diagnostics import diagnostic
from fabro_core.runs.workflow.draft import Budget, Draft, DraftNode, TooLarge
from fabro_core.runs.workflow.edge_table import EdgeTable
from fabro_core.runs.workflow.files import FileReference, WorkflowFiles
from fabro_core.runs.workflow.grammar import SymbolsLeft, parse
from fabro_core.runs.workflow.handlers import roles_of
from fabro_core.runs.workflow.scopes import TOO_LARGE, draft_of
from fabro_core.runs.workflow.source import Source, WorkflowSyntaxError
from fabro_core.runs.workflow.splicing import PROPAGATED, WITH_MEANING, Imported, ImportFault, Splicer
from fabro_core.runs.workflow.texts import Texts

MAX_DEPTH = 32
"""Imports inside imports."""
MAX_IMPORTED_SYMBOLS = 200_000
"""In all imported files; reading and compiling as many takes about a second."""
MAX_IMPORTED_CHARS = 16 * 1024 * 1024
"""Of all imported files once they are compiled, apart from the copies that a graph gets of them."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What reading a file has come to; a file is read once, however often it is imported."""

    graph: Imported | None
    diagnostics: tuple[WorkflowDiagnostic, ...]
    """Of its texts and its own imports, with ids of its own."""
    fault: str = ""


class Importer:
    """Imports into one graph."""

    def __init__(self, files: WorkflowFiles, texts: Texts, budget: Budget) -> None:
        self._files = files
        self._texts = texts
        self._budget = budget
        self._files_budget = Budget(MAX_IMPORTED_CHARS)
        self._symbols_left = SymbolsLeft(MAX_IMPORTED_SYMBOLS)
        self._prepared: dict[str, _Prepared] = {}

    def expand(self, draft: Draft) -> tuple[WorkflowDiagnostic, ...]:
        """Replace every placeholder of the graph; says what is wrong, in the order of the nodes.

        Raises `InvalidRequest` when the graph becomes too large, or a text of an imported file cannot be rendered.
        """
        return self._expand(draft, self._budget, (draft.source.path,))

    def _expand(self, draft: Draft, budget: Budget, chain: tuple[str, ...]) -> tuple[WorkflowDiagnostic, ...]:
        placeholders = [node for node in draft.nodes.values() if node.is_placeholder]
        if not placeholders:
            return ()
        found: list[WorkflowDiagnostic] = []
        splicer = Splicer(draft, budget)
        for node in placeholders:
            try:
                path, text = self._file(splicer, node, chain)
                prepared = self._read(path, text, (*chain, path))
                for each in prepared.diagnostics:
                    budget.spend(each.message)  # a file that is imported often says the same each time
                    found.append(_of_placeholder(each, node))
                if prepared.graph is None:
                    raise ImportFault(prepared.fault)
                splicer.splice(node, prepared.graph)
            except ImportFault as fault:
                found.append(_import_error(node, str(fault)))
            except TooLarge:
                origin = node.origin
                raise origin.source.fault(origin.at, TOO_LARGE) from None
        splicer.finish()
        return tuple(found)

    def _file(self, splicer: Splicer, node: DraftNode, chain: tuple[str, ...]) -> tuple[str, str]:
        """Normal path and text of the file that a placeholder names. Raises `ImportFault`."""
        if any(edge.source == edge.target for edge in splicer.edges.of(node.id)):
            raise ImportFault("a self-loop: an edge leads from the placeholder to itself")
        for key in node.attrs:
            if key in node.own and key not in (*PROPAGATED, "class", "import"):
                raise ImportFault(f'the attribute "{key}" of the placeholder is not passed on to imported nodes')
        reference = text_of(node.attrs, "import") or ""
        if is_template(reference):
            raise ImportFault(f'the path "{reference}" is a template; an import is written out')
        base = node.origin.source.path
        path = resolved(directory_of(base), reference)
        if path is None:
            raise ImportFault(f'file not found: "{reference}" is no relative path of a file')
        if path in chain:
            raise ImportFault(f"circular import: {' -> '.join((*chain[chain.index(path) :], path))}")
        text = self._files.find(FileReference(path, "import", reference, base))
        if text is None:
            raise ImportFault(f'file not found: "{reference}" ({path}) is not among the files of the workflow')
        if len(chain) > MAX_DEPTH:
            raise ImportFault(f'"{reference}": imports are nested more than {MAX_DEPTH} deep')
        return path, text

    def _read(self, path: str, text: str, chain: tuple[str, ...]) -> _Prepared:
        if path not in self._prepared:
            self._prepared[path] = self._prepare(path, text, chain)
        return self._prepared[path]

    def _prepare(self, path: str, text: str, chain: tuple[str, ...]) -> _Prepared:
        source = Source(path, text)
        try:
            draft = draft_of(parse(source, self._symbols_left), self._files_budget)
        except WorkflowSyntaxError as error:
            return _Prepared(None, (), f"the imported file cannot be parsed: {error.detail}")
        vanishing = roles_of(draft.nodes.values())
        found = self._texts.finish_prompts(draft, self._files_budget, leave_out={*vanishing.starts, *vanishing.exits})
        try:
            for node_id, reference in draft.unresolved:
                raise ImportFault(
                    f'the prompt of node "{node_id}" in {path} refers to "{reference}", which is not there'
                )
            found += self._expand(draft, self._files_budget, chain)
            return _Prepared(_checked(draft), found)
        except ImportFault as fault:
            return _Prepared(None, found, str(fault))


def _checked(draft: Draft) -> Imported:
    """The ways into and out of a graph that can be imported. Raises `ImportFault` for others."""
    roles = roles_of(draft.nodes.values())
    start, exit_ = _single("start node", roles.starts), _single("exit node", roles.exits)
    edges = EdgeTable(draft.edges)
    if edges.into(start):
        raise ImportFault(f'{len(edges.into(start))} edges of the imported graph lead into its start node "{start}"')
    if edges.out_of(exit_):
        raise ImportFault(f'{len(edges.out_of(exit_))} edges of the imported graph lead out of its exit node "{exit_}"')
    first = _single(f'edge out of its start node "{start}"', edges.out_of(start))
    last = _single(f'edge into its exit node "{exit_}"', edges.into(exit_))
    for edge in (first, last):
        for key in WITH_MEANING:
            if key in edge.attrs:
                ends = f'"{edge.source}" -> "{edge.target}"'
                raise ImportFault(f'the edge {ends} of the imported graph would lose its attribute "{key}"')
    if first.target == exit_ and len(draft.nodes) > 2:
        raise ImportFault(f'the start node "{start}" of the imported graph leads straight to its exit "{exit_}"')
    return Imported(draft, start, exit_, first.target, last.source)


def _single(what: str, found: Sequence[T]) -> T:
    if len(found) != 1:
        raise ImportFault(f"an imported graph has exactly one {what}, this one has {len(found)}")
    return found[0]


def _of_placeholder(found: WorkflowDiagnostic, placeholder: DraftNode) -> WorkflowDiagnostic:
    """A diagnostic of an imported file, with the ids that its nodes get."""
    return found if found.node_id is None else replace(found, node_id=f"{placeholder.id}.{found.node_id}")


def _import_error(node: DraftNode, reason: str) -> WorkflowDiagnostic:
    message = f'The import of "{node.id}" failed: {reason}.'
    origin = node.origins.get("import", node.origin)
    return diagnostic("import_error", "error", message, node_id=node.id, origin=origin)
