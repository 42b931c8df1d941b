"""What is promised about the container, the unit and the workflows, read from their files."""

from __future__ import annotations

import http.server
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CONTAINERS = ROOT / "containers"
DOCKERFILE = (CONTAINERS / "Dockerfile").read_text(encoding="utf-8")
FINAL_STAGE = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]
SERVICE: dict[str, Any] = yaml.safe_load((CONTAINERS / "compose.yml").read_text(encoding="utf-8"))["services"][
    "aegis-mcp"
]
LABELS = dict(label.split("=", 1) for label in SERVICE["labels"])
UNIT = (CONTAINERS / "aegis-trio.service").read_text(encoding="utf-8")
WITNESS_UNIT = (CONTAINERS / "aegis-witness.service").read_text(encoding="utf-8")
WORKFLOWS = ROOT / ".gitea" / "workflows"


def test_the_image_runs_as_aegis_and_never_as_root() -> None:
    """Whoever gets out of the process must not be root in the container."""
    assert "useradd --uid 1000 --gid aegis" in FINAL_STAGE
    assert ["1000:1000"] == re.findall(r"(?m)^USER (.*)$", FINAL_STAGE)


def test_the_image_installs_only_what_is_hashed() -> None:
    """A package that was exchanged on the way would be in every deployment."""
    installs = re.findall(r"pip install ([^\\\n]*)", DOCKERFILE)
    of_requirements = [options for options in installs if "-r " in options]

    assert 2 == len(of_requirements)
    assert [] == [options for options in of_requirements if "--require-hashes --only-binary :all:" not in options]
    assert [] == [options for options in installs if "-r " not in options and "--no-deps --no-index" not in options]
    assert "pip wheel --no-deps --no-build-isolation" in DOCKERFILE


def test_every_file_that_the_image_copies_exists_and_is_let_through() -> None:
    """The ignore file refuses everything else, so that no key and no history reaches a layer."""
    let_through = (CONTAINERS / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    copied = [
        source
        for line in re.findall(r"(?m)^COPY (?!--from)(.*)$", DOCKERFILE)
        for source in [word for word in line.split() if not word.startswith("--")][:-1]
    ]

    assert copied
    assert [] == [source for source in copied if not (ROOT / source).exists()]
    assert sorted(copied) == sorted(line[1:] for line in let_through if line.startswith("!"))
    assert "*" in let_through


def test_the_container_can_change_nothing_but_the_audit_log_and_the_store() -> None:
    """A read-only file system and no rights: an intruder finds nothing to settle in."""
    assert SERVICE["read_only"] is True
    assert ["ALL"] == SERVICE["cap_drop"]
    assert ["no-new-privileges:true"] == SERVICE["security_opt"]
    assert "1000:1000" == SERVICE["user"]
    assert ["audit:/var/log/aegis-mcp", "store:/var/lib/aegis-mcp"] == SERVICE["volumes"]
    assert "privileged" not in SERVICE
    assert "ports" not in SERVICE, "Traefik alone reaches the gate"


def test_the_container_is_bounded() -> None:
    """One CPU and 512 MB are what operators plan with."""
    limits = SERVICE["deploy"]["resources"]["limits"]

    assert ("1.0", "512M") == (limits["cpus"], limits["memory"])
    assert "10s" == SERVICE["stop_grace_period"]


@pytest.mark.parametrize(
    ("label", "value"),
    [
        ("http.routers.aegis-mcp.entrypoints", "websecure"),
        ("http.routers.aegis-mcp.tls", "true"),
        ("http.routers.aegis-mcp-plain.middlewares", "aegis-https"),
        ("http.middlewares.aegis-https.redirectscheme.scheme", "https"),
        ("http.middlewares.aegis-rate.ratelimit.average", "60"),
        ("http.middlewares.aegis-rate.ratelimit.period", "1m"),
        ("http.middlewares.aegis-headers.headers.stsSeconds", "31536000"),
        ("http.middlewares.aegis-headers.headers.customFrameOptionsValue", "DENY"),
        ("http.services.aegis-mcp.loadbalancer.server.scheme", "h2c"),
        ("http.services.aegis-mcp.loadbalancer.server.port", "8080"),
    ],
)
def test_traefik_is_told_what_the_guides_promise(label: str, value: str) -> None:
    """HTTPS, 60 requests a minute and address, HSTS, X-Frame-Options, HTTP/2 to the gate."""
    assert value == LABELS[f"traefik.{label}"]


def test_the_middlewares_are_in_the_way_of_every_request() -> None:
    """A middleware that no router names does nothing, silently."""
    assert "aegis-rate,aegis-headers" == LABELS["traefik.http.routers.aegis-mcp.middlewares"]
    assert "frame-ancestors 'none'" in LABELS["traefik.http.middlewares.aegis-headers.headers.contentSecurityPolicy"]


def test_a_label_is_written_once() -> None:
    """The last of two wins, and the first one's reader believes something else."""
    assert len(LABELS) == len(SERVICE["labels"])


def test_the_unit_restarts_only_what_a_restart_can_mend() -> None:
    """A wrong setting stays wrong; a restart loop would hide its message."""
    assert "Restart=on-failure\n" in UNIT
    assert "RestartPreventExitStatus=64 78\n" in UNIT
    assert "NoNewPrivileges=yes\n" in UNIT
    assert "MemoryMax=512M\n" in UNIT
    assert "CPUQuota=100%\n" in UNIT


def test_the_witness_is_held_as_tightly_as_the_gate() -> None:
    """It faces the network as the gate does; what confines the one confines the other."""
    confining = re.compile(r"(?m)^((?:Protect|Private|Restrict|SystemCall|NoNew|Lock|Capability|Ambient)\w+=.*)$")

    assert confining.findall(UNIT) == confining.findall(WITNESS_UNIT)
    assert "ExecStart=/opt/aegis/bin/aegis-trio audit witness run --folder /var/lib/aegis-witness " in WITNESS_UNIT
    assert "MemoryMax=" in WITNESS_UNIT


@pytest.mark.parametrize("name", ["lint.yml", "test.yml", "docker.yml"])
def test_workflows_use_recipes_that_exist(name: str) -> None:
    """A renamed recipe would be noticed only after the push."""
    text = (WORKFLOWS / name).read_text(encoding="utf-8")
    recipes = set(re.findall(r"(?m)^([a-z-]+)(?: \*ARGS)?:", (ROOT / "justfile").read_text(encoding="utf-8")))

    assert yaml.safe_load(text)["jobs"]
    assert set(re.findall(r"tools/just\.py ([a-z-]+)", text)) <= recipes
    assert name != "test.yml" or ".ci/run" in text
    assert name != "lint.yml" or "audit-deps" in text


def healthcheck(port: int) -> subprocess.CompletedProcess[str]:
    """Run the container's health check against *port*."""
    settings = {**os.environ, "PORT": str(port), "TLS_CERT_FILE": ""}
    command = [sys.executable, str(CONTAINERS / "healthcheck.py")]
    return subprocess.run(command, check=False, capture_output=True, text=True, env=settings, timeout=60)


@pytest.mark.sockets
@pytest.mark.parametrize(("status", "expected"), [(200, 0), (503, 1), (404, 1)])
def test_the_health_check_says_what_healthz_says(status: int, expected: int) -> None:
    """An orchestrator restarts what is not healthy, and leaves alone what is."""
    asked: list[str] = []

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Answer) as server:
        answering = threading.Thread(target=server.handle_request)
        answering.start()
        done = healthcheck(server.server_port)
        answering.join()

    assert expected == done.returncode, done.stdout
    assert ["/healthz"] == asked


@pytest.mark.sockets
def test_the_health_check_fails_when_nothing_answers() -> None:
    """A process that no longer accepts is the very thing it exists for."""
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        port = server.server_port

    done = healthcheck(port)

    assert 1 == done.returncode
    assert f"no answer on port {port}" in done.stdout
