"""Rules about models and providers, where it is known which there are (language.md L13, model rules)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from fabro_core.models.graph import WorkflowDiagnostic
from fabro_core.runs.workflow.attributes import text_of
from fabro_core.runs.workflow.rules.subject import Subject, of_graph, of_node
from fabro_core.runs.workflow.stylesheet import StylesheetError, parse_stylesheet


class ModelCatalogue(msgspec.Struct, frozen=True):
    """The models that a server can use (resources.md X13)."""

    models: tuple[str, ...]
    """Ids and aliases."""
    providers: tuple[str, ...]

    def known(self) -> Mapping[str, tuple[str, ...]]:
        """What each attribute may say."""
        return {"model": self.models, "provider": self.providers}


def model_diagnostics(subject: Subject, catalogue: ModelCatalogue) -> Iterator[WorkflowDiagnostic]:
    """What a graph names that the catalogue does not have: in its stylesheet, then at its nodes."""
    yield from _stylesheet_model_known(subject, catalogue)
    yield from _node_model_known(subject, catalogue)


def _stylesheet_model_known(subject: Subject, catalogue: ModelCatalogue) -> Iterator[WorkflowDiagnostic]:
    try:
        sheet = parse_stylesheet(text_of(subject.draft.attrs, "model_stylesheet") or "")
    except StylesheetError:
        return  # `stylesheet_syntax` says it
    for key, known in catalogue.known().items():
        for value in sheet.values_of(key):
            if value not in known:
                message = f'The model_stylesheet names the {key} "{value}", which is not known here.'
                fix = subject.meant(value, known, f"Name a {key} of the catalogue.")
                yield of_graph(
                    subject.draft, "stylesheet_model_known", "warning", message, key="model_stylesheet", fix=fix
                )


def _node_model_known(subject: Subject, catalogue: ModelCatalogue) -> Iterator[WorkflowDiagnostic]:
    """What a file states at a node or in a default; the stylesheet's values are told of once, with the stylesheet."""
    for node in subject.nodes:
        for key, known in catalogue.known().items():
            value = text_of(node.attrs, key)
            if value is not None and key in node.origins and value not in known:
                message = f'The {key} "{value}" of node "{node.id}" is not known here.'
                fix = subject.meant(value, known, f"Name a {key} of the catalogue.")
                yield of_node(node, "node_model_known", "warning", message, key=key, fix=fix)
