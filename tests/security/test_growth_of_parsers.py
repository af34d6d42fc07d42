"""What reads the text of a client takes time in proportion to it, whatever is in it.

Graphs, stylesheets and conditions have their own tables beside the workflow language, TOML beside the settings.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from ipaddress import ip_network
from typing import Any, Literal

import multipart
import pytest

from fabro_core.api.runs.artifact_upload import LIMITS
from fabro_core.auth.authenticator import bearer_token
from fabro_core.auth.cookies import cookie_values
from fabro_core.auth.oauth import is_redirect_uri, is_state
from fabro_core.auth.refusals import Unauthenticated
from fabro_core.auth.return_to import checked_return_to
from fabro_core.auth.sessions import cleaned
from fabro_core.auth.signed_tokens import BadToken, TokenSigner, header_of
from fabro_core.config.env_file import read_env_file
from fabro_core.config.proxies import TrustedProxies
from fabro_core.errors import Conflict, InvalidRequest, Refusal
from fabro_core.http.accept import prefers_html
from fabro_core.http.body import decode_json, media_type_of
from fabro_core.http.forms import decode_form
from fabro_core.http.multipart import receive_form
from fabro_core.http.origins import origin_of
from fabro_core.http.query import QueryParams, parse_unsigned, query_parser
from fabro_core.http.segments import decoded, routable
from fabro_core.models.ids import RunId, parse_digest, parse_run_id
from fabro_core.models.instant import parse_instant
from fabro_core.models.run import ApiQuestion
from fabro_core.models.stage import is_branch_id, parse_stage_id
from fabro_core.runs.create.manifest import read_manifest
from fabro_core.runs.create.paths import normal_path, seen_from
from fabro_core.runs.decide.answers import answer_text
from fabro_core.runs.decide.pull_request_links import pull_request_link
from fabro_core.runs.fold.repository import repository_ref
from fabro_core.runs.fold.title import inferred_title, valid_title
from fabro_core.runs.log.submission import read_submission
from fabro_core.runs.paths import MAX_PATH_LENGTH, artifact_path_fault, folder_and_file, unpackable
from fabro_core.runs.settings.globs import glob_fault
from fabro_core.runs.settings.units import milliseconds, size_in_bytes
from fabro_core.runs.templates.faults import Misuse, TemplateFault
from fabro_core.runs.templates.render import render
from fabro_core.runs.templates.scripts import fill
from fabro_core.runs.templates.work import Work
from fabro_core.runs.views.patches import file_patches
from fabro_core.server.logs import JsonFormatter, TextFormatter
from fabro_core.unseen import escaped, escaped_for_page
from tests.growth import MOST_GROWTH, Make, growth, numbered, repeated
from tests.runs.folding import RUN_ID

pytestmark = pytest.mark.slow

Reads = Callable[[str], object]
Texts = Mapping[str, Make[str]]

# -- what everything is tried with ----------------------------------------------------------------------------------

ANY_TEXT: Texts = {
    "letters": repeated("", "a"),
    "digits": repeated("", "1"),
    "blanks": repeated("", " "),
    "blanks inside": repeated("a", " ", "a"),
    "line ends": repeated("", "\n"),
    "slashes": repeated("", "/"),
    "here": repeated("", "./", "a"),
    "above": repeated("", "a/../", "a"),
    "percent signs": repeated("/", "%"),
    "percent-encoded slashes": repeated("/", "%2F"),
    "dots": repeated("", "a."),
    "colons": repeated("", "a:"),
    "at signs": repeated("", "a@"),
    "commas": repeated("", "a,"),
    "semicolons": repeated("", "a; "),
    "ampersands": repeated("", "a=b&"),
    "equal signs": repeated("", "="),
    "quotes": repeated('a="', '\\"'),
    "open quotes": repeated("", '"'),
    "brackets": repeated("", "["),
    "nested": repeated("[", "[", "]"),
    "stars": repeated("", "**/"),
    "hyphens": repeated("", "-"),
    "unseen": repeated("", "\u202e\x1b"),
    "wide": repeated("", "\N{GREEK SMALL LETTER ALPHA}\N{COMBINING ACUTE ACCENT}"),
}

# -- readers --------------------------------------------------------------------------------------------------------


class _Query(QueryParams, frozen=True, kw_only=True):
    limit: int = 0
    name: str | None = None
    kinds: tuple[Literal["a", "b"], ...] = ()


_parse_query = query_parser(_Query)
_parse_content_type: Reads = multipart.parse_options_header
_SIGNER = TokenSigner(b"k" * 32)
_PROXIES = TrustedProxies((ip_network("10.0.0.0/8"), ip_network("::/0")))
_OPTIONS = [{"key": f"k{number}", "label": "l"} for number in range(64)]


def header(name: bytes, read: Callable[[list[tuple[bytes, bytes]]], object]) -> Reads:
    return lambda text: read([(name, text.encode("latin-1", "replace"))])


def logged(text: str) -> None:
    record = logging.LogRecord("fabro.access", logging.INFO, "", 0, text, (), None)
    record.fabro = {"path": text, "login": text}
    TextFormatter().format(record)
    JsonFormatter().format(record)


def form(text: str) -> None:
    async def receiving() -> None:
        async def chunks() -> AsyncIterator[bytes]:
            body = text.encode()
            for start in range(0, len(body), 1_000):
                yield body[start : start + 1_000]

        await receive_form(chunks(), "b", io.BytesIO(), LIMITS)

    asyncio.run(receiving())


def template(text: str) -> None:
    render(text, {"inputs": {"a": "b" * 8, "l": [1, 2, 3]}}, lambda path, reference: None, Work(steps=400_000))


def choice(text: str) -> str:
    """An answer to a question with as many options as it chooses."""
    keys = text.split(",")
    question = {"id": "q", "text": "t", "stage": "s", "question_type": "multi_select", "allow_freeform": False}
    options = [{"key": key, "label": "l"} for key in dict.fromkeys(keys)]
    asked = decode_json(json.dumps({**question, "options": options}).encode(), ApiQuestion)
    return answer_text(asked, _chosen(keys))


def _chosen(keys: list[str]) -> Any:
    from fabro_core.models.answers import SubmitAnswerMultiSelectedRequest

    return SubmitAnswerMultiSelectedRequest(option_keys=keys)


def beside_each_other(text: str) -> None:
    paths = [
        line[at : at + MAX_PATH_LENGTH] for line in text.split("\n") for at in range(0, len(line), MAX_PATH_LENGTH)
    ]
    folder_and_file(paths, paths)
    unpackable(paths)


READERS: dict[str, Reads] = {
    "JSON": lambda text: decode_json(text.encode(), dict[str, Any]),
    "event": lambda text: read_submission(text.encode(), RunId(RUN_ID)),
    "manifest": lambda text: read_manifest(text.encode()),
    "query": lambda text: _parse_query(text.encode("ascii", "replace")),
    "sign-in form": lambda text: decode_form(text.encode()),
    "form of files": form,
    "Content-Type": _parse_content_type,
    "media type": header(b"content-type", media_type_of),
    "Cookie": header(b"cookie", lambda headers: cookie_values(headers, "__fabro_session")),
    "Accept": header(b"accept", prefers_html),
    "Authorization": header(b"authorization", bearer_token),
    "token": lambda text: (header_of(text), _SIGNER.verify(text, dict)),
    "X-Forwarded-For": lambda text: _PROXIES.client("10.0.0.1", text),
    "Origin": origin_of,
    "User-Agent": cleaned,
    "Last-Event-ID": lambda text: parse_unsigned("it", text),
    "path": lambda text: decoded({"a": routable(text.encode("ascii", "replace"))}),
    "return_to": lambda text: checked_return_to(text, prefix=""),
    "redirect_uri": lambda text: (is_redirect_uri(text), is_state(text)),
    "ids": lambda text: (parse_run_id(text), parse_digest(text), parse_stage_id(text), is_branch_id(text)),
    "instant": parse_instant,
    "path in a manifest": lambda text: (normal_path(text, "it"), seen_from("/a", text, "it")),
    "path seen from a directory": lambda text: seen_from("/" + text, "/a", "it"),
    "path of an artifact": artifact_path_fault,
    "paths of a ZIP file": beside_each_other,
    "title": lambda text: (inferred_title(text), valid_title(text)),
    "origin of a repository": lambda text: repository_ref(text, text),
    "pull-request link": pull_request_link,
    "answer": choice,
    "glob": glob_fault,
    "duration": milliseconds,
    "size": size_in_bytes,
    "template": template,
    "script": lambda text: fill(text, "shell", {"inputs": {"a": "b"}}, Work(steps=400_000)),
    "patch": file_patches,
    "log line": logged,
    "terminal": lambda text: (escaped(text), escaped_for_page(text)),
}

# -- what each is tried with besides --------------------------------------------------------------------------------

TEXTS: dict[str, Texts] = {
    "JSON": {
        "members": lambda size: "{" + numbered("", '"k{0}":{0},')(size) + '"k":0}',
        "same members": lambda size: "{" + repeated("", '"k":0,')(size) + '"k":0}',
        "escapes": repeated('{"a":"', "\\u00e9", '"}'),
        "surrogates": repeated('{"a":"', "\\ud83d\\ude80", '"}'),
        "digits of a number": repeated('{"a":', "9", "}"),
        "arrays": lambda size: '{"a":' + "[" * (size // 2) + "]" * (size // 2) + "}",
        "blanks": repeated('{"a":1', " \n", "}"),
    },
    "event": {
        "scope": lambda size: event_text({"properties": {f"k{number}": number for number in range(size // 12)}}),
        "unknown members": lambda size: event_text({f"k{number}": [number] for number in range(size // 14)}),
        "nested properties": lambda size: event_text({}).replace("{}", '{"a":' * 400 + "1" + "}" * 400 + " " * size),
        "fraction of an instant": lambda size: event_text({"ts": "2026-01-01T00:00:00." + "1" * size + "Z"}),
    },
    "manifest": {
        "workflows": lambda size: manifest_text({f"w{number}.fabro": {"source": ""} for number in range(size // 30)}),
        "the same workflow": lambda size: manifest_text(
            {"./" * 400 + f"w{number}": {} for number in range(size // 800)}
        ),
        "files": lambda size: manifest_text({"w": {"source": "", "files": files(size // 90)}}),
        "a fault in the last file": lambda size: manifest_text(
            {"w": {"source": "", "files": {**files(size // 90), "f": 1}}}
        ),
    },
    "query": {
        "names": numbered("", "a{0}=1&"),
        "one name": repeated("", "kinds=a&"),
        "encoded": repeated("name=", "%C3%A9"),
    },
    "form of files": {
        "parts": numbered("", '--b\r\nContent-Disposition: form-data; name="f{0}"\r\n\r\nx\r\n', "--b--"),
        "manifests": repeated("", '--b\r\nContent-Disposition: form-data; name="manifest"\r\n\r\n\r\n', "--b--"),
        "almost boundaries": repeated('--b\r\nContent-Disposition: form-data; name="f"\r\n\r\n', "\r\n--", "\r\n--b--"),
        "preamble": repeated("", "\r\n-"),
        "header": repeated("--b\r\nContent-Disposition: form-data", '; a="\\"', "\r\n\r\n"),
    },
    "Content-Type": {
        "options": numbered("multipart/form-data", "; a{0}=b"),
        "quoted": repeated('multipart/form-data; boundary="', '\\"'),
        "open options": repeated("multipart/form-data", ";"),
        "blanks": repeated("multipart/form-data;", " ", "a=b"),
    },
    "Cookie": {"pairs": repeated("", "__fabro_session=a; ")},
    "Authorization": {"blanks": repeated("Bearer", " ", "a"), "token": repeated("Bearer ", "a")},
    "token": {"parts": repeated("e30.", "a", ".b"), "nested": repeated("", "W1tb", ".a.b")},
    "X-Forwarded-For": {"trusted hops": repeated("", "10.0.0.1, "), "IPv6": repeated("", "[::1]:80, ")},
    "paths of a ZIP file": {
        "case": lambda size: "\n".join(cased(number) for number in range(size // 17)),
        "folders": repeated("", "a/", "b"),
        "files and folders": numbered("", "a{0}\na{0}/b\n"),
        "one name": lambda size: "\n".join("?" * (number % 40 + 1) + str(number % 7) for number in range(size // 24)),
    },
    "answer": {"options": numbered("", "k{0},")},
    "glob": {"classes": repeated("", "[]a]"), "open class": repeated("", "[!")},
    "template": {
        "expressions": repeated("", "{{ inputs.a }}"),
        "open expression": repeated("{{ vars.", " "),
        "blocks": repeated("", "{% if inputs.a %}x{% endif %}"),
        "nested blocks": repeated("", "{% if inputs.a %}"),
        "loops": repeated("", "{% for x in inputs.l %}{{ x }}{% endfor %}"),
        "comments": repeated("", "{# a #}"),
        "sums": repeated("{{ 1", " + 1", " }}"),
        "filters": repeated("{{ inputs.a", "|upper", " }}"),
        "names": numbered("", "{{% set a{0} = 1 %}}"),
        "raw": repeated("", "{% raw %}x{% endraw %}"),
        "braces": repeated("", "{"),
    },
    "script": {
        "tokens": repeated("", "{{ inputs.a }} "),
        "open tokens": repeated("", "{{ "),
        "blanks": repeated("{{", " "),
    },
    "patch": {
        "files": numbered("", "diff --git a/f{0} b/f{0}\n--- a/f{0}\n+++ b/f{0}\n@@ -1 +1 @@\n-a\n+b\n"),
        "hunks": repeated("--- a\n+++ b\n", "@@ -1 +1 @@\n-a\n+b\n"),
        "headers": repeated("diff --git a/f b/f\n", "new file mode 100644\n"),
        "names": repeated('diff --git "', '\\"', '" b'),
        "names without quotes": repeated("diff --git ", 'a "', "\n"),
        "escapes": repeated('diff --git "a/', "\\303\\251", '" "b/a"\n'),
        "digits": repeated("--- a\n+++ b\n@@ -1,", "9", " +1 @@\n"),
        "lines": repeated("--- a\n+++ b\n@@ -1,9000000 +1,9000000 @@\n", " x\n"),
        "beginnings": repeated("", "--- a\n"),
        "carriage returns": repeated("--- a\n+++ b\n", "\r"),
    },
    "Origin": {"user": repeated("http://", "a@", "b"), "host": repeated("http://[", ":", "]")},
    "pull-request link": {
        "owner": repeated("https://github.com/", "a", "/b/pull/1"),
        "dots": repeated("https://github.com/", "."),
    },
    "duration": {"digits": repeated("", "1", "s"), "blanks": repeated("1", " ", "s")},
    "size": {"digits": repeated("", "1", "GB"), "blanks": repeated("1", " ", "GB")},
    "instant": {"digits": repeated("2026-01-01T00:00:00.", "1", "Z")},
}


def event_text(changes: Mapping[str, Any]) -> str:
    event = {"id": "e", "ts": "2026-03-02T10:20:00Z", "run_id": RUN_ID, "event": "stage.prompt", "properties": {}}
    return json.dumps({**event, **changes})


def manifest_text(workflows: Mapping[str, Any]) -> str:
    return json.dumps({"version": 1, "cwd": "/", "target": {"path": "w"}, "workflows": workflows})


def files(count: int) -> dict[str, Any]:
    ref = {"type": "file_inline", "original": "@a", "from": None}
    return {f"f{number}": {"content": "c", "ref": ref} for number in range(count)}


def cased(number: int) -> str:
    """A name of sixteen letters that differs from all others in their case alone."""
    return "".join(letter.upper() if number >> place & 1 else letter for place, letter in enumerate("abcdefghijklmnop"))


CASES = [(reader, name, make) for reader in READERS for name, make in {**ANY_TEXT, **TEXTS.get(reader, {})}.items()]
REFUSALS = (InvalidRequest, Conflict, Refusal, Unauthenticated, BadToken, Misuse, TemplateFault, ValueError)


@pytest.mark.parametrize(("reader", "name", "make"), CASES, ids=[f"{reader}-{name}" for reader, name, _ in CASES])
def test_reading_takes_time_in_proportion_to_the_text(reader: str, name: str, make: Make[str]) -> None:
    def read(text: str) -> None:
        with suppress(*REFUSALS):
            READERS[reader](text)

    assert growth(read, make) <= MOST_GROWTH


@pytest.mark.parametrize("make", [*ANY_TEXT.values(), numbered("", "A{0}=1\n"), repeated("A='", "a", "'")])
def test_reading_server_env_takes_time_in_proportion_to_it(
    tmp_path_factory: pytest.TempPathFactory, make: Make[str]
) -> None:
    path = tmp_path_factory.mktemp("env") / "server.env"

    def read(text: str) -> None:
        path.write_text(text, encoding="utf-8", errors="replace")
        read_env_file(path)

    assert growth(read, make) <= MOST_GROWTH
