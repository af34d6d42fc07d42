"""The texts of a graph in their final form: files that they refer to, templates (language.md L9, L10, L12).

Everything is rendered once, when a run is created; nothing of it is left to whoever executes the run.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from msgspec import UNSET

from fabro_core.errors import InvalidRequest
from fabro_core.models.graph import Handler, String, WorkflowDiagnostic
from fabro_core.near import near_match
from fabro_core.runs.paths import directory_of, is_within, resolved
from fabro_core.runs.templates.faults import Misuse, TemplateFault, TemplatePlace
from fabro_core.runs.templates.marks import is_template
from fabro_core.runs.templates.scripts import Language, Script, fill, how_to_read
from fabro_core.runs.templates.work import Work
from fabro_core.runs.workflow.attributes import text_of
from fabro_core.runs.workflow.diagnostics import diagnostic
from fabro_core.runs.workflow.draft import Budget, Draft, DraftNode, Origin, TooLarge, Unresolved
from fabro_core.runs.workflow.files import FileReference, WorkflowFiles
from fabro_core.runs.workflow.handlers import Roles
from fabro_core.runs.workflow.literals import offset_in_quoted
from fabro_core.runs.workflow.scopes import TOO_LARGE
from fabro_core.runs.workflow.source import Source

if TYPE_CHECKING:
    from fabro_core.runs.templates.render import TemplateFile

UNDEFINED_RULE = "template_undefined_variable"
_REFERENCE = "@"
_GOAL = "goal"


@dataclass(frozen=True, slots=True)
class Names:
    """What templates can name beside the goal."""

    inputs: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Text:
    """A text, whose it is, and where it stands."""

    content: str
    owner: str
    """As messages call it: `the goal`, `the prompt of node "a"`."""
    node_id: str | None
    path: str | None
    """Of the file that it stands in; None for a goal that no file states."""
    base: str
    """Of the file from which its references are seen."""
    origin: Origin | None = None
    """Of the attribute whose value it is; None: it is a whole file, or nothing states it."""


class Texts:
    """Finishes the texts of one graph, those of imported files included."""

    def __init__(self, files: WorkflowFiles, names: Names, budget: Budget) -> None:
        self._files = files
        self._names = names
        self._budget = budget
        self._work = Work()
        self.goal = ""
        """The finished goal, empty when there is none."""
        self.names_are_used = False
        """A template was filled with the goal or with what else it can name."""

    def finish_goal(self, draft: Draft, override: str | None) -> tuple[WorkflowDiagnostic, ...]:
        """Set the graph's goal: to `override`, unless that is None, else to what the graph states (L12)."""
        if override is not None:
            draft.attrs["goal"] = String(override)
            draft.origins.pop("goal", None)
        goal = text_of(draft.attrs, "goal")
        if goal is None:
            return ()
        origin = draft.origins.get("goal")
        text = _Text(goal, "the goal", None, origin and origin.source.path, self._files.path, origin)
        found: list[WorkflowDiagnostic] = []
        self.goal = self._finished(text, {}, draft, found)
        draft.attrs["goal"] = String(self.goal)
        return tuple(found)

    def finish_prompts(
        self, draft: Draft, budget: Budget, leave_out: Collection[str] = ()
    ) -> tuple[WorkflowDiagnostic, ...]:
        """Finish the prompts of a file's nodes, but for those to leave out."""
        found: list[WorkflowDiagnostic] = []
        for node in draft.nodes.values():
            prompt = text_of(node.attrs, "prompt")
            if prompt is None or node.prompt_is_final or node.id in leave_out:
                continue
            path = node.origin.source.path
            text = _Text(prompt, f'the prompt of node "{node.id}"', node.id, path, path, node.origins.get("prompt"))
            finished = self._finished(text, {_GOAL: self.goal}, draft, found)
            _keep(node, "prompt", finished, budget)
        return tuple(found)

    def finish_references(self, draft: Draft) -> None:
        """Put in the files of output schemas. Raises `InvalidRequest` for missing ones and for paths with templates."""
        for node in draft.nodes.values():
            child = text_of(node.attrs, "stack.child_workflow") or ""
            if is_template(child):
                self._refuse_path(node, "stack.child_workflow", child)
            schema = text_of(node.attrs, "output_schema") or ""
            if schema.startswith(_REFERENCE):
                if is_template(schema):
                    self._refuse_path(node, "output_schema", schema)
                file = self._file(node.origin.source.path, schema)
                if file is None:
                    reason = f'the output_schema of node "{node.id}" refers to "{schema}", which is not there'
                    raise InvalidRequest(f"{_shown(node.origins.get('output_schema', node.origin))}: {reason}.")
                _keep(node, "output_schema", file[1], self._budget)

    def finish_scripts(self, draft: Draft, roles: Roles) -> tuple[WorkflowDiagnostic, ...]:
        """Put values into the scripts of commands. Raises `InvalidRequest` for what scripts have to read themselves."""
        found: list[WorkflowDiagnostic] = []
        for node in draft.nodes.values():
            script = text_of(node.attrs, "script")
            if script is None or roles.handlers[node.id] is not Handler.COMMAND:
                continue
            path, origin = node.origin.source.path, node.origins.get("script")
            text = _Text(script, f'the script of node "{node.id}"', node.id, path, path, origin)
            language: Language = "python" if text_of(node.attrs, "language") == "python" else "shell"
            filled = self._filled(text, language)
            if filled.unbound is not None:
                found.append(self._undefined(text, filled.unbound.name, filled.unbound.at))
            _keep(node, "script", filled.text, self._budget)
        return tuple(found)

    def _filled(self, text: _Text, language: Language) -> Script:
        if not is_template(text.content):
            return Script(text.content, unbound=None, refused=None)
        try:
            filled = fill(text.content, language, self._everything({_GOAL: self.goal}), self._work)
        except Misuse as error:
            self._refuse(text, None, str(error))
        if filled.refused is not None:
            name, at = filled.refused
            self._refuse(text, at, f"{{{{ {name} }}}} is not replaced in scripts; read {how_to_read(name, language)}")
        return filled

    # -- one text -----------------------------------------------------------------------------------------------

    def _finished(
        self,
        text: _Text,
        names: Mapping[str, str],
        draft: Draft,
        found: list[WorkflowDiagnostic],
    ) -> str:
        """The text after files and templates; what is wrong with it goes to `found` and `draft.unresolved`."""
        reference = text.content
        if not reference.startswith(_REFERENCE):
            reference = self._rendered(text, names, found)
            if not reference.startswith(_REFERENCE) or reference == text.content:
                return reference
        elif is_template(reference):
            self._refuse(text, None, f'the path "{reference}" is a template; a reference is written out')
        file = self._file(text.base, reference)
        if file is None:
            draft.unresolved.append(Unresolved(text.node_id, reference))
            return reference
        path, content = file
        of_file = _Text(content, text.owner, text.node_id, path, path)
        return self._rendered(of_file, names, found)

    def _rendered(self, text: _Text, names: Mapping[str, str], found: list[WorkflowDiagnostic]) -> str:
        """The text with what its templates name. Only the goal is rendered where the goal is no name."""
        if not is_template(text.content):
            return text.content
        # The parser of templates takes longer to load than the rest of a start, and most graphs have none.
        from fabro_core.runs.templates.render import render
        from fabro_core.runs.templates.source import parse

        try:
            rendered = render(text.content, self._everything(names), partial(self._load, text), self._work)
        except TemplateFault as fault:
            self._refuse(text, fault.at, fault.reason)
        unbound = rendered.unbound
        names_goal = unbound is not None and re.match(r"goal\b", unbound.expression) is not None
        if _GOAL not in names and (names_goal or _GOAL in parse(text.content, None).names):
            found.append(_self_reference(text))
            unbound = None if names_goal else unbound
        told = found[-1:] and found[-1].rule == UNDEFINED_RULE and found[-1].node_id == text.node_id
        if unbound is not None and not told:
            found.append(self._undefined(text, unbound.expression, unbound.at))
        return rendered.text

    def _everything(self, names: Mapping[str, str]) -> Mapping[str, Any]:
        self.names_are_used = True
        return {"inputs": self._names.inputs, "vars": self._names.variables, **names}

    def _load(self, text: _Text, path: str | None, reference: str) -> TemplateFile | None:
        """The file that a template includes: seen from the file it stands in, within the workflow's directory."""
        base = path or text.base
        root = directory_of(self._files.path)
        if not is_within(root, base):
            root = directory_of(base)
        target = resolved(directory_of(base), reference)
        if target is None or not is_within(root, target):
            raise Misuse(f'the path "{reference}" leads out of the directory "{root or "."}"')
        from fabro_core.runs.templates.render import TemplateFile

        content = self._files.find(FileReference(target, "file_inline", reference, base))
        return None if content is None else TemplateFile(target, content)

    def _file(self, base: str, reference: str) -> tuple[str, str] | None:
        """Path and content of the file that `@path` means in a file."""
        path = resolved(directory_of(base), reference.removeprefix(_REFERENCE))
        if path is None:
            return None
        content = self._files.find(FileReference(path, "file_inline", reference, base))
        return None if content is None else (path, content)

    # -- what is wrong ------------------------------------------------------------------------------------------

    def _undefined(self, text: _Text, expression: str, at: TemplatePlace | None) -> WorkflowDiagnostic:
        path, line, column = _place(text, at)
        return WorkflowDiagnostic(
            rule=UNDEFINED_RULE,
            severity="warning",
            message=f'"{expression}" in {text.owner} has no value.',
            node_id=text.node_id,
            fix=binding_advice(expression, self._names),
            source_path=UNSET if path is None else path,
            line=UNSET if line is None else line,
            column=UNSET if column is None else column,
        )

    def _refuse(self, text: _Text, at: TemplatePlace | None, reason: str) -> NoReturn:
        path, line, column = _place(text, at)
        place = ":".join(str(part) for part in (path, line, column) if part is not None)
        raise InvalidRequest(f"{place}: {text.owner}: {reason}." if place else f"{text.owner}: {reason}.")

    def _refuse_path(self, node: DraftNode, key: str, path: str) -> NoReturn:
        reason = f'the {key} of node "{node.id}" is a template ("{path}"); a path is written out'
        raise InvalidRequest(f"{_shown(node.origins.get(key, node.origin))}: {reason}.")


def is_plain(goal: str) -> bool:
    """Whether a goal is finished as it is: no template, and no reference to a file."""
    return not goal.startswith(_REFERENCE) and not is_template(goal)


def _keep(node: DraftNode, key: str, text: str, budget: Budget) -> None:
    """Let a finished text take the place of what was written."""
    if text == text_of(node.attrs, key):
        return
    try:
        budget.spend(text)
    except TooLarge:
        raise node.origin.source.fault(node.origin.at, TOO_LARGE) from None
    node.attrs[key] = String(text)


def binding_advice(expression: str, names: Names) -> str:
    """How to give an unbound name a value."""
    namespace, _, name = expression.partition(".")
    if namespace == "inputs" and name:
        near = near_match(name, names.inputs)
        meant = f'Did you mean "inputs.{near}"? ' if near else ""
        return f"{meant}Give the input {name} a value: in run.inputs of the settings, or as an argument {name}=VALUE."
    if namespace == "vars" and name:
        near = near_match(name, names.variables)
        meant = f'Did you mean "vars.{near}"? ' if near else ""
        return f"{meant}Create the variable {name} on the server, or use an input of run.inputs."
    return "Templates can name inputs.NAME, vars.NAME and, in prompts, goal. Use an input of run.inputs."


def _self_reference(text: _Text) -> WorkflowDiagnostic:
    return diagnostic(
        "goal_self_reference",
        "error",
        "The goal uses goal, which it is itself.",
        fix="Remove goal from the goal; prompts can use it.",
        origin=text.origin,
    )


def _place(text: _Text, at: TemplatePlace | None) -> tuple[str | None, int | None, int | None]:
    """Path, line and column of a place in a text, in the file that it was written in."""
    if at is not None and at.path is not None:
        return at.path, at.line, at.column
    if text.path is None:
        return None, None, None
    index = _index(text.content, at)
    if text.origin is None or text.origin.value is None:
        return text.path, *Source(text.path, text.content).position(index)
    source, value = text.origin.source, text.origin.value
    offset = offset_in_quoted(source.text, value.at, index) if value.quoted else value.at + index
    return source.path, *source.position(offset)


def _index(content: str, at: TemplatePlace | None) -> int:
    if at is None:
        return 0
    before = sum(len(line) + 1 for line in content.split("\n")[: at.line - 1])
    return before + (at.column or 1) - 1


def _shown(origin: Origin) -> str:
    return origin.source.shown(origin.at)
