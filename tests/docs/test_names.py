"""What the documents name exists under that name, and what exists is documented."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Final

import pytest

from aegis_trio.cli import exit_codes
from aegis_trio.cli.main import COMMANDS
from aegis_trio.config.table import VARIABLES, known_names
from aegis_trio.model.errors import Fault
from aegis_trio.model.fault_rows import FAULT_ROWS
from aegis_trio.supervisor.admin import _PATHS as ADMIN_PATHS
from aegis_trio.supervisor.upstream import TokenState
from aegis_trio.telemetry.metric_table import GROUPS, series_names
from aegis_trio.transports.settings import SessionSettings
from aegis_trio.transports.websocket import PATH as SOCKET_PATH
from aegis_trio.web.screen import ROUTES
from aegis_trio.web.server.limits import ConnectionLimits
from tests.docs.documents import ROOT, Document, document, documents, rows

DOCUMENTS = documents()
README = document("README.md")
API = document("docs/api.md")
DEPLOYMENT = document("docs/deployment.md")

UPPER_NAME = re.compile(r"(?<![\w.$%-])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?!\w)")
ENDPOINT = re.compile(r"(GET|POST|PUT|PATCH|DELETE|HEAD) (/[\w./-]*)")
RECIPE_CALL = re.compile(r"(?:(?<![\w./-])just|tools/just\.py) ([a-z][a-z-]*)")

SOCKET: Final = ("GET", SOCKET_PATH)  # an upgrade; where it is not switched on, the path is no other than unknown ones

METRIC = re.compile(r"^aegis_(?!trio)[a-z]\w+$")

NOT_SETTINGS: Final = {
    "X_FILE": "stands for the name of any secret",
    "AEGIS_KEY": "a variable of the user's own, in a client's configuration",
    "AEGIS_AUTH": "the same",
    "YOUR_KEY": "stands for a key, where a client can be told no variable",
    "YOUR_GITEA_TOKEN": "the same, for a token",
    "SSL_CERT_FILE": "OpenSSL's, an example of a name that is not ours",
    "AEGIS_CONSOLE_KEY": "the console's own; the gate does not read it",
    "AEGIS_SETUP_TOKEN": "the credential of `oauth setup`; the gate does not read it",
    "AEGIS_SETUP_PASSWORD": "the same",
    "AEGIS_SETUP_OTP": "the same",
    "CLIENT_ID": "Cursor's own, in its configuration",
    "CLIENT_SECRET": "the same",
    "OTEL_SERVICE_NAME": "OpenTelemetry's own, which its SDK reads",
    "OTEL_EXPORTER_OTLP_HEADERS": "the same",
    "OTEL_EXPORTER_OTLP_CERTIFICATE": "the same",
    "OTEL_TRACES_SAMPLER": "the same",
    "OTEL_BSP_MAX_QUEUE_SIZE": "the same",
    "XDG_STATE_HOME": "the desktop's: where programs keep their state",
}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_setting_that_a_document_names_exists(document: Document) -> None:
    """A setting that nobody reads leaves an operator with a protection that is not there."""
    compose = (ROOT / "containers" / "compose.yml").read_text(encoding="utf-8")
    known = known_names() | set(re.findall(r"\$\{([A-Z_]+)", compose)) | set(NOT_SETTINGS)

    named = {name for code in document.code() for name in UPPER_NAME.findall(code)}

    assert set() == {name for name in named if name not in known and not name.startswith("AEGIS_TEST_")}


def test_the_search_for_settings_finds_them() -> None:
    """A pattern that matched nothing would find no mistake."""
    assert ["MCP_API_KEYS", "X_FILE"] == UPPER_NAME.findall("MCP_API_KEYS=… and X_FILE, not PORT, $MCP_A or a.B_C")


def test_the_reference_has_every_endpoint_and_no_other() -> None:
    """The reference is what clients are written against."""
    served = {(method, path) for path, methods in ROUTES.items() for method in methods - {"HEAD"}} | {SOCKET}
    headings = re.findall(r"^### (.+)$", API.section("Endpoints"), re.MULTILINE)

    documented = {pair for heading in headings for pair in ENDPOINT.findall(heading)}

    assert served == documented


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_endpoint_that_a_document_names_exists(document: Document) -> None:
    """A path of an earlier plan would send people to a 404."""
    served = {(method, path) for path, methods in ROUTES.items() for method in methods} | {SOCKET}
    served |= {("GET", path) for path in ADMIN_PATHS}

    named = {pair for code in document.code() for pair in ENDPOINT.findall(code)}

    assert set() == named - served


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_recipe_that_a_document_names_exists(document: Document) -> None:
    """Commands are copied, not read."""
    justfile = (ROOT / "justfile").read_text(encoding="utf-8")
    recipes = set(re.findall(r"^([a-z][a-z-]*)(?: [*+]?[A-Z]+)*:", justfile, re.MULTILINE))

    named = {recipe for code in document.code() for recipe in RECIPE_CALL.findall(code)}

    assert {"demo", "test", "serve"} <= recipes
    assert set() == named - recipes


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_command_that_a_document_names_exists(document: Document) -> None:
    """The same for the commands of an installed package."""
    named = {command for code in document.code() for command in re.findall(r"(?<![\w-])aegis-trio ([a-z-]+)", code)}

    assert set() == named - COMMANDS.keys() - {"version"}


def test_the_readme_lists_every_command_and_no_other() -> None:
    """A command that is not listed is not found."""
    documented = {row[0].removeprefix("aegis-trio ") for row in rows(README.section("Commands"))}

    assert {*COMMANDS, "version"} == documented


def test_the_exit_codes_of_the_guides_are_the_real_ones() -> None:
    """Units and containers restart by them."""
    codes = {"OK", "USAGE", "BUG", "INPUT_OUTPUT", "FORCED", "CONFIGURATION"}
    real = {str(getattr(exit_codes, f"EXIT_{name}")) for name in codes}

    guide = {row[0] for row in rows(DEPLOYMENT.section("Start and end")) if row[0].isdigit()}

    assert real == {row[0] for row in rows(README.section("Exit codes of `serve`"))}
    assert real == guide


def test_every_metric_that_a_document_names_exists() -> None:
    """An alarm on a metric that nobody writes never rings."""
    named = {metric for document in DOCUMENTS for code in document.code() for metric in METRIC.findall(code)}

    assert named, "the deployment guide names metrics"
    assert set() == named - series_names() - {metric.name for group in GROUPS for metric in group.metrics}


def test_the_reference_has_every_fault_with_its_codes() -> None:
    """Programs branch on these."""
    expected = {
        (fault.code, str(row.http_status), str(row.jsonrpc_code))
        for fault, row in FAULT_ROWS.items()
        if fault is not Fault
    }

    documented = {(row[0], row[1], row[2]) for row in rows(API.section("Errors")) if re.fullmatch("[a-z_]+", row[0])}
    documented = {row for row in documented if re.fullmatch("-?[0-9]+", row[2])}

    assert expected == documented


def test_the_limits_of_the_deployment_guide_are_the_real_ones() -> None:
    """Machines are sized by these numbers."""
    defaults = {
        field.name: f"{field.default:g}" if isinstance(field.default, float) else str(field.default)
        for settings in (ConnectionLimits, SessionSettings)
        for field in fields(settings)
    }
    defaults |= {variable.name: variable.default_text for variable in VARIABLES}

    documented = {row[0]: row[1] for row in rows(DEPLOYMENT.section("Limits"))}

    assert documented.keys() <= defaults.keys()
    assert documented == {name: defaults[name] for name in documented}


def test_the_reference_has_every_reason_of_not_being_ready() -> None:
    """Monitoring is written against these words."""
    sources = (path.read_text(encoding="utf-8") for path in (ROOT / "aegis_trio" / "supervisor").glob("*.py"))
    literal = {code for source in sources for code in re.findall(r'Unready\("([a-z_]+)"', source)}
    of_tokens = {state.value for state in TokenState if state is not TokenState.USABLE}

    documented = {row[0] for row in rows(API.section("`GET /readyz`"))}

    assert literal, "readiness names its reasons as it did"
    assert literal | of_tokens == documented


def test_every_test_that_a_document_names_exists() -> None:
    """A promise is held by a test, not by the name of one."""
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", document("docs/architecture.md").text)

    missing = [f"{path}::{name}" for path, name in named if not _has_test(path, name)]

    assert named, "the promises name their tests"
    assert [] == missing


def _has_test(path: str, name: str) -> bool:
    file = ROOT / path
    return file.exists() and f"def {name}(" in file.read_text(encoding="utf-8")
