"""A real nginx with the configuration of docs/operate, at the root of a host and below a prefix (server.md S13)."""

from __future__ import annotations

import json
from http.client import HTTPResponse, HTTPSConnection
from pathlib import Path
from ssl import create_default_context

import httpx
import pytest

from tests.api.conftest import manifest
from tests.ports import free_port
from tests.proxies.conftest import BROWSER, PATIENCE_SECONDS, SIGNED_IN, Proxied
from tests.proxies.running import nginx, nginx_guide, substituted
from tests.races.server_process import TOKEN
from tests.races.work import NOTE, RUNNING
from tests.runs.samples import SAMPLES

LIMIT = 2 * 1024 * 1024
"""What a request body may have (server.md S10)."""


def begun(client: httpx.Client) -> str:
    """The path of the API for a new run that is running."""
    run_id = client.post("/api/v1/runs", json=manifest(), headers=SIGNED_IN).raise_for_status().json()["id"]
    for name in RUNNING:
        append(client, run_id, name)
    return f"/api/v1/runs/{run_id}"


def append(client: httpx.Client, run_id: str, name: str) -> None:
    properties = SAMPLES.get(name, {})
    event = {"id": name, "ts": "2026-03-02T10:15:30Z", "run_id": run_id, "event": name, "properties": properties}
    client.post(f"/api/v1/runs/{run_id}/events", json=event, headers=SIGNED_IN).raise_for_status()


def test_every_link_of_the_discovery_leads_through_the_proxy(proxied: Proxied) -> None:
    with proxied.client() as client:
        urls = client.get("/").raise_for_status().json()["urls"]
        assert urls == {
            name: proxied.prefix + path
            for name, path in {
                "openapi_url": "/api/v1/openapi.json",
                "current_user_url": "/api/v1/user",
                "health_url": "/health",
            }.items()
        }
        for url in urls.values():
            assert client.get(f"{proxied.origin}{url}", headers=SIGNED_IN).status_code == 200


def test_somebody_signs_in_with_a_browser(proxied: Proxied) -> None:
    with proxied.client() as client:
        sent_on = client.get("/runs", headers=BROWSER)
        assert sent_on.status_code == 303
        page = client.get(httpx.URL(proxied.origin).join(sent_on.headers["Location"]), headers=BROWSER)
        assert page.status_code == 200
        assert f'href="{proxied.prefix}/' in page.text

        form = {"token": TOKEN}
        own = BROWSER | {"Origin": proxied.origin, "Sec-Fetch-Site": "same-origin"}
        signed_in = client.post("/auth/login/dev-token", data=form, headers=own)

        assert signed_in.status_code == 303, signed_in.text
        assert signed_in.headers["Location"].startswith(f"{proxied.prefix}/")
        assert "Secure" in signed_in.headers["Set-Cookie"]
        assert "max-age=" in signed_in.headers["Strict-Transport-Security"]
        assert client.get("/runs", headers=BROWSER).status_code == 200


def test_another_host_is_led_to_the_public_one(proxied: Proxied) -> None:
    with proxied.client() as client:
        answer = client.get("/runs?status=failed", headers=BROWSER | {"Host": "other.example"})
        assert answer.status_code == 308
        assert answer.headers["Location"] == f"{proxied.origin}{proxied.prefix}/runs?status=failed"


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/runs/x%2Fy",
        "/api/v1/variables/a%2Fb",
        "/api/v1/variables/a%252Fb",
        "/api/v1/runs/%C3%A4%3Fb%23c",
        "/api/v1/runs/a%20b+c",
        "/api/v1/runs/%2E%2E%2Fuser",
        "/api%2Fv1/runs",
        "/api/v1//runs",
        "/api/v1/runs?page[limit]=1&page%5Boffset%5D=2",
        "/api/v1/runs?page%5Blimit%5D=x%26y",
        "/api/v1/runs/resolve?selector=a%2Fb%3Fc%26d",
    ],
)
def test_a_path_and_a_query_arrive_as_they_were_sent(proxied: Proxied, path: str) -> None:
    def told(client: httpx.Client, url: str) -> tuple[int, object]:
        answer = client.get(url, headers=SIGNED_IN)
        body = answer.json()
        return answer.status_code, [(each["title"], each["detail"]) for each in body.get("errors", ())] or body

    with proxied.client() as client, proxied.direct() as direct:
        url = f"{proxied.origin}{proxied.prefix}{path}"
        assert told(client, url) == told(direct, f"http://127.0.0.1:{proxied.upstream}{path}")


def test_a_large_artifact_comes_in(proxied: Proxied) -> None:
    content = bytes(range(256)) * 4 * 1024 * 8  # 8 MiB, which nginx keeps in a file
    with proxied.client() as client:
        run = begun(client)
        stage = f"{run}/stages/build@1/artifacts"
        sent = client.post(
            f"{stage}?retry=0&filename=all.bin",
            content=content,
            headers=SIGNED_IN | {"Content-Type": "application/octet-stream"},
        )
        assert sent.status_code < 300, sent.text
        assert client.get(f"{stage}/download?retry=0&filename=all.bin", headers=SIGNED_IN).content == content


@pytest.mark.parametrize("chunked", [False, True], ids=["with its length", "in chunks"])
def test_a_client_that_sends_everything_first_sees_that_it_was_too_much(proxied: Proxied, chunked: bool) -> None:
    body = b'{"x":"' + b"a" * (LIMIT + 1024 * 1024) + b'"}'
    connection = HTTPSConnection(
        "localhost", proxied.port, context=create_default_context(cafile=str(proxied.pem)), timeout=PATIENCE_SECONDS
    )
    headers = SIGNED_IN | {"Content-Type": "application/json"}
    connection.request(
        "POST",
        f"{proxied.prefix}/api/v1/runs",
        body=iter([body]) if chunked else body,
        headers=headers,
        encode_chunked=chunked,
    )
    answer: HTTPResponse = connection.getresponse()
    told = json.loads(answer.read())
    connection.close()
    assert (answer.status, told["errors"][0]["code"]) == (413, "body_too_large")


def test_events_come_through_while_their_stream_goes_on_and_its_end_is_noticed(proxied: Proxied) -> None:
    with proxied.client() as client:
        run = begun(client)
        with client.stream("GET", f"{run}/attach?since_seq=1", headers=SIGNED_IN) as stream:
            seen = (json.loads(line[5:])["event"] for line in stream.iter_lines() if line.startswith("data:"))
            while next(seen) != RUNNING[-1]:
                pass
            append(client, run.rpartition("/")[2], NOTE)
            assert next(seen) == NOTE
            request_id = stream.headers["X-Request-Id"]
        assert "/attach status=" in proxied.line_of(request_id), "the server was told that nobody follows any more"


def test_the_log_has_the_address_of_the_client_whatever_it_claims(proxied: Proxied) -> None:
    with proxied.client(address="127.0.0.2") as client:
        for claims in ({}, {"X-Forwarded-For": "203.0.113.9"}, {"X-Forwarded-For": "203.0.113.9:80, [2001:db8::1]:2"}):
            answer = client.get("/api/v1/user", headers=claims)
            assert "client=127.0.0.2 " in proxied.line_of(answer.headers["X-Request-Id"])


def test_an_address_may_come_with_its_port(proxied: Proxied, tmp_path: Path) -> None:
    addresses = '"$http_x_forwarded_for, $remote_addr:$remote_port"'
    with_ports = substituted(nginx_guide(proxied.prefix), {"$proxy_add_x_forwarded_for": addresses})
    port = free_port()
    other = Proxied(proxied.prefix, port, proxied.upstream, proxied.log, proxied.pem)
    with (
        nginx(tmp_path, with_ports, port=port, upstream=proxied.upstream, certificate=proxied.pem),
        other.client(address="127.0.0.2") as client,
    ):
        answer = client.get("/api/v1/user", headers={"X-Forwarded-For": "203.0.113.9:80"})
        assert "client=127.0.0.2 " in proxied.line_of(answer.headers["X-Request-Id"])


def test_people_behind_a_proxy_are_counted_one_by_one(proxied: Proxied) -> None:
    def tried(client: httpx.Client) -> int:
        return client.post("/auth/login/dev-token", json={"token": "fabro_dev_" + "1" * 64}).status_code

    with proxied.client(address="127.0.0.3") as one, proxied.client(address="127.0.0.4") as other:
        while tried(one) != 429:
            pass
        assert tried(other) == 401
