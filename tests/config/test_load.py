"""The configuration as a whole: everything that is wrong at once, and nothing that is silently ignored."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

from aegis_trio.config import load as loading
from aegis_trio.config.faults import ConfigurationFaults
from aegis_trio.config.load import gather, load_settings
from aegis_trio.config.table import VARIABLES
from aegis_trio.model.secret import Secret
from aegis_trio.telemetry.settings import LogFormat, LogLevel
from aegis_trio.web.settings import LOOPBACK_HOSTS
from tests.config.places import HINT, KEY, LEAST, OTHER, OTHER_HINT, fault_of, faults_of, load, written

ANY = "0.0.0.0"  # noqa: S104 -- a value under test; nothing is bound


def test_the_least_environment_gives_the_documented_defaults() -> None:
    """Names and defaults are a contract."""
    settings = load()

    assert ("https://git.example.com", 32) == (settings.gitea.url, settings.gitea.max_connections)
    assert (True, 5, 300, False) == (
        settings.auth.enabled,
        settings.auth.max_failures,
        settings.auth.failure_window_s,
        settings.auth.block_strict,
    )
    assert ("127.0.0.1", 8080, "http://127.0.0.1:8080") == (
        settings.web.host,
        settings.web.port,
        settings.web.public_url,
    )
    assert (LOOPBACK_HOSTS, frozenset({"http://127.0.0.1:8080"})) == (
        settings.web.allowed_hosts,
        settings.web.allowed_origins,
    )
    assert ("127.0.0.1", 9464, 7.0) == (
        settings.supervisor.admin_host,
        settings.supervisor.admin_port,
        settings.supervisor.shutdown_grace_s,
    )
    assert (32, 1200) == (settings.limits.max_concurrent_calls, settings.limits.calls_per_minute)
    assert (1000, 12_000) == (settings.sessions.max_sessions_per_principal, settings.sessions.max_sessions)
    assert (12_000, 2_000) == (
        settings.connections.max_connections,
        settings.connections.max_connections_per_address,
    )
    assert (LogLevel.INFO, LogFormat.CONSOLE) == (settings.telemetry.log_level, settings.telemetry.log_format)
    assert Path("/var/log/aegis-mcp/audit.log") == settings.audit.path
    assert Path("/var/log/aegis-mcp/root.key") == settings.root.path
    assert () == settings.warnings
    assert (False, False, ()) == (
        settings.auth.public_tool_list,
        settings.auth.allow_query_key,
        settings.web.trusted_proxies,
    )
    assert not settings.web.websocket_debug


def test_the_debugging_transport_is_switched_on_by_its_variable() -> None:
    """It is off unless somebody asks for it in so many words."""
    assert load(WEBSOCKET_DEBUG="true").web.websocket_debug
    assert not load(WEBSOCKET_DEBUG="false").web.websocket_debug
    assert "WEBSOCKET_DEBUG" in str(fault_of(WEBSOCKET_DEBUG="perhaps"))


def test_a_collector_counts_where_its_library_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Platforms set the name for every program: who cannot obey serves, and says what is missing."""
    given = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.example:4318/"}
    assert ("http://collector.example:4318", ()) == (load(**given).telemetry.traces_to, load(**given).warnings)
    assert None is load().telemetry.traces_to

    def missing(name: str) -> None:
        raise ModuleNotFoundError(name)

    for find in (missing, lambda _name: None):
        monkeypatch.setattr(loading, "find_spec", find)
        settings = load(**given)
        assert None is settings.telemetry.traces_to
        assert ["pip install 'aegis-trio[otel]'" in warning for warning in settings.warnings] == [True]
    assert () == load().warnings


def test_everything_that_is_set_arrives() -> None:
    """Each variable reaches the settings of its feature."""
    settings = load(
        HOST=ANY,
        PORT="0",
        PUBLIC_URL="https://mcp.example.com/aegis/",
        TRUSTED_PROXIES="172.18.0.2, fd00::/8",
        ALLOWED_HOSTS="MCP.example.com,other:8443",
        ALLOWED_ORIGINS="https://Chat.example.com",
        PUBLIC_TOOL_LIST="yes",
        ALLOW_QUERY_API_KEY="1",
        AUTH_BLOCK_STRICT="on",
        MAX_AUTH_FAILURES="7",
        AUTH_FAILURE_WINDOW="60",
        MAX_CONCURRENT_CALLS="0",
        CALLS_PER_MINUTE="0",
        MAX_SESSIONS="10",
        MAX_SESSIONS_PER_PRINCIPAL="5",
        MAX_CONNECTIONS="20",
        MAX_CONNECTIONS_PER_ADDRESS="6",
        AUDIT_LOG_PATH="log/audit.log",
        SHUTDOWN_GRACE_S="2.5",
        ADMIN_PORT="0",
        LOG_LEVEL="debug",
        LOG_FORMAT="JSON",
        GITEA_MAX_CONNECTIONS="3",
        ROOT_SECRET="n" * 32 + "," + "o" * 32,
    )

    assert "https://mcp.example.com/aegis" == settings.web.public_url
    assert "/aegis/mcp/messages" == settings.sessions.messages_path
    assert (ip_network("172.18.0.2/32"), ip_network("fd00::/8")) == settings.web.trusted_proxies
    assert settings.web.trusted_proxies == settings.auth.trusted_proxies
    assert frozenset({"mcp.example.com", "other:8443"}) == settings.web.allowed_hosts
    assert frozenset({"https://chat.example.com"}) == settings.web.allowed_origins
    assert settings.auth.public_tool_list
    assert settings.auth.allow_query_key
    assert settings.sessions.allow_query_api_key
    assert (True, 7, 60) == (
        settings.auth.block_strict,
        settings.auth.max_failures,
        settings.auth.failure_window_s,
    )
    assert (0, 0) == (settings.limits.max_concurrent_calls, settings.limits.calls_per_minute)
    assert (10, 5) == (settings.sessions.max_sessions, settings.sessions.max_sessions_per_principal)
    assert (20, 6) == (settings.connections.max_connections, settings.connections.max_connections_per_address)
    assert (2.5, 0) == (settings.supervisor.shutdown_grace_s, settings.supervisor.admin_port)
    assert (LogLevel.DEBUG, LogFormat.JSON) == (settings.telemetry.log_level, settings.telemetry.log_format)
    assert 3 == settings.gitea.max_connections
    assert (Secret("n" * 32), Secret("o" * 32)) == settings.root.roots
    assert Path("log/root.key") == settings.root.path


def test_all_faults_come_at_once() -> None:
    """Nobody likes to mend one thing per start."""
    faults = faults_of(GITEA_URL="", PORT="http", LOG_LEVEL="loud", MCP_API_KEYS="short", MCP_API_KEY="x")

    assert ["GITEA_URL", "LOG_LEVEL", "MCP_API_KEY", "MCP_API_KEYS", "PORT"] == sorted(f.variable for f in faults)


def test_a_fault_names_value_origin_rule_and_remedy_but_no_secret() -> None:
    """One line says what to do; a screenshot of it gives nothing away."""
    (port,) = faults_of(PORT="80 80")
    assert "PORT=80 80 (from environment): is not a whole number from 0 to 65535. Write a number such as 8080." == str(
        port
    )
    (key,) = faults_of(MCP_API_KEYS="hunter2")
    assert "hunter2" not in str(key)
    (url,) = faults_of(GITEA_URL="https://me:hunter2@git.example.com")
    assert "hunter2" not in str(url)
    assert "user or password" in str(url)


@pytest.mark.parametrize("name", ["GITEA_URL", "MCP_API_KEYS_FILE", "ALLOWED_HOSTS", "KEYS_DIR", "PUBLIC_URL"])
def test_a_secret_in_the_wrong_variable_is_not_shown(name: str) -> None:
    """Two values exchanged are a slip of everybody's; the log that tells it has many readers."""
    for raw_value in (OTHER, f"https://git.example.com/?token={OTHER}", f"./{OTHER}"):
        told = str(faults_of(**{name: raw_value, "PORT": "x"}))

        assert OTHER not in told


def test_a_secret_file_that_cannot_be_read_is_one_fault() -> None:
    """A second sentence, that the variable is missing, sends its reader the wrong way."""
    assert "GITEA_TOKEN_FILE" == fault_of(GITEA_TOKEN="", GITEA_TOKEN_FILE="missing").variable
    assert "MCP_API_KEYS_FILE" == fault_of(MCP_API_KEYS="", MCP_API_KEYS_FILE="missing").variable


def test_nothing_set_is_told_what_is_needed() -> None:
    """The first start of everybody."""
    with pytest.raises(ConfigurationFaults, match="No API keys configured") as caught:
        load_settings({}, None)

    assert {"GITEA_URL", "MCP_API_KEYS"} == {fault.variable for fault in caught.value.faults}


@pytest.mark.parametrize(
    "name",
    ["WRITE_MODE", "WRITE_ALLOW_ALL_TOKEN_REPOS"],
)
def test_what_does_not_exist_yet_cannot_be_switched_on(name: str) -> None:
    """Silence would let its operator believe in it; off is fine."""
    fault = fault_of(**{name: "true"})

    assert name == fault.variable
    assert "not in this version" in fault.rule
    assert () == load(**{name: "false"}).warnings


@pytest.mark.parametrize("name", ["WRITE_REPOSITORY_WHITELIST"])
def test_details_of_what_does_not_exist_are_mentioned(name: str) -> None:
    """They switch nothing on, so they stop nothing."""
    (warning,) = load(**{name: "something"}).warnings

    assert name in warning
    assert "not in this version" in warning
    assert () == load(OAUTH_FLOW="broker").warnings


def test_every_variable_is_read_whatever_is_wrong() -> None:
    """A row that is missing from the report would hide a setting."""
    names = [variable.name for variable in VARIABLES]

    assert names == [row.name for row in gather(LEAST, None).effective]
    assert names == [row.name for row in gather({"PORT": "x"}, None).effective]


# ---- rules between variables ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.3.2.1", "[::1]"])
def test_authentication_may_be_off_on_loopback(host: str) -> None:
    """Only this machine can reach it there."""
    settings = load(AUTH_ENABLED="false", HOST=host, MCP_API_KEYS="")

    assert not settings.auth.enabled
    assert () == settings.auth.keys
    assert {"GITEA_TOKEN": Secret("abcdef0123")} == settings.auth.gitea_tokens()


@pytest.mark.parametrize("host", [ANY, "::", "192.168.1.5", "gate", "localhost.example.com"])
def test_authentication_may_not_be_off_where_a_network_reaches(host: str) -> None:
    """A gate without credentials on a network is everybody's."""
    fault = fault_of(AUTH_ENABLED="false", HOST=host)

    assert ("AUTH_ENABLED", f"is false while HOST is {host}") == (fault.variable, fault.rule)


def test_without_authentication_a_token_is_needed() -> None:
    """There is no anonymous request to Gitea."""
    assert "GITEA_TOKEN" == fault_of(AUTH_ENABLED="false", GITEA_TOKEN="").variable


def test_keys_act_with_their_own_token_or_the_bot_s() -> None:
    """Which Gitea identity a key has is decided here, once."""
    settings = load(MCP_API_KEYS=f"{KEY},{OTHER}", GITEA_KEY_TOKENS=f"{OTHER_HINT}=hers")

    assert [(HINT, Secret("abcdef0123")), (OTHER_HINT, Secret("hers"))] == [
        (key.hint, key.gitea_token) for key in settings.auth.keys
    ]
    assert {"GITEA_TOKEN", f"GITEA_KEY_TOKENS {OTHER_HINT}"} == set(settings.auth.gitea_tokens())


def test_a_key_without_any_token_is_a_fault() -> None:
    """No silent fallback, and no key that fails at its first call."""
    fault = fault_of(GITEA_TOKEN="", MCP_API_KEYS=f"{KEY},{OTHER}", GITEA_KEY_TOKENS=f"{OTHER_HINT}=hers")

    assert "GITEA_TOKEN" == fault.variable
    assert HINT in fault.rule
    assert OTHER_HINT not in fault.rule


def test_a_token_that_cannot_be_read_is_one_fault() -> None:
    """The key that lacks it now is not told of as well."""
    assert ["GITEA_TOKEN"] == [fault.variable for fault in faults_of(GITEA_TOKEN="<token>")]


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        ("0f1e2d3c...b4a5=hers", "names no key"),
        (f"{HINT}=a,{HINT}=b", "a second token"),
        ("hers", "is not <hint>=<token>"),
        (f"{KEY}=hers", "is not <hint>=<token>"),
        (f"{HINT}=", "is not a token"),
        (f"{HINT}=your-token-here", "is not a token"),
    ],
)
def test_tokens_of_keys_must_name_their_key(tokens: str, said: str) -> None:
    """A misnamed hint would leave a key with the bot's rights instead of a person's."""
    faults = faults_of(GITEA_KEY_TOKENS=tokens)

    assert {"GITEA_KEY_TOKENS"} == {fault.variable for fault in faults}
    assert said in faults[0].rule
    assert not any("hers" in str(fault) or KEY in str(fault) for fault in faults)


def test_a_hint_that_names_two_keys_is_a_fault() -> None:
    """Nobody could say which of them is meant."""
    twin = KEY[:8] + "2" * 52 + KEY[-4:]

    assert "more than one key" in fault_of(MCP_API_KEYS=f"{KEY},{twin}", GITEA_KEY_TOKENS=f"{HINT}=t").rule


def test_hashed_entries_can_be_named() -> None:
    """The file holds no key, and still a key has its own identity."""
    entry = f"hmac:{'ab' * 32}:{HINT}"
    settings = load(MCP_API_KEYS=entry, GITEA_KEY_TOKENS=f"{HINT}=hers", AEGIS_KEY_PEPPER="p" * 32)

    assert [Secret("hers")] == [key.gitea_token for key in settings.auth.keys]
    assert "AEGIS_KEY_PEPPER" == fault_of(MCP_API_KEYS=entry).variable


def test_short_and_doubled_keys_are_mentioned() -> None:
    """They work, and could be better."""
    settings = load(MCP_API_KEYS=f"{KEY},{'k' * 32},{KEY}")

    assert 2 == len(settings.auth.keys)
    assert 2 == len(settings.warnings)
    assert "fewer than 64" in settings.warnings[0]
    assert "stands twice" in settings.warnings[1]
    assert "k" * 32 not in str(settings.warnings)


@pytest.mark.parametrize("keys", [",", " , ,", "# nothing"])
def test_a_list_without_a_key_is_no_key(keys: str) -> None:
    """Start says so in the words that operators know."""
    assert "No API keys configured" == fault_of(MCP_API_KEYS=keys).rule


def test_metadata_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    """An expiry that cannot be checked must not pass as none."""
    folder = tmp_path / "keys"
    folder.mkdir()
    written(folder / "x.json", "{")

    assert "KEYS_DIR" == fault_of().variable
    assert "names no folder that can be read" == fault_of(KEYS_DIR=str(tmp_path / "nowhere")).rule


def test_tls_needs_both_files(tmp_path: Path) -> None:
    """Half of it would serve in the clear."""
    there = str(written(tmp_path / "cert.pem", "x"))

    assert "is set without TLS_KEY_FILE" == fault_of(TLS_CERT_FILE=there).rule
    assert "is set without TLS_CERT_FILE" == fault_of(TLS_KEY_FILE=there).rule
    assert "names no file that can be read" == fault_of(TLS_CERT_FILE=there, TLS_KEY_FILE=f"{there}.not").rule
    assert "names no file that can be read" == fault_of(GITEA_CA_FILE=f"{there}.not").rule
    assert Path(there) == load(TLS_CERT_FILE=there, TLS_KEY_FILE=there).web.tls_cert_file


def test_the_domain_is_another_way_to_say_the_url() -> None:
    """The guides' name; two that disagree are a fault."""
    settings = load(MCP_DOMAIN="mcp.example.com")

    assert "https://mcp.example.com" == settings.web.public_url
    assert LOOPBACK_HOSTS | {"mcp.example.com"} == settings.web.allowed_hosts
    assert "MCP_DOMAIN" == fault_of(MCP_DOMAIN="a.example", PUBLIC_URL="https://b.example").variable
    assert load(MCP_DOMAIN="a.example", PUBLIC_URL="https://a.example")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("HTTPS://MCP.Example.org/", "https://mcp.example.org"),
        ("https://mcp.example.org:443", "https://mcp.example.org"),
        ("https://mcp.example.org:/Gate/", "https://mcp.example.org/Gate"),
        ("https://mcp.example.org:8443/", "https://mcp.example.org:8443"),
        ("http://LOCALHOST:80/a", "http://localhost/a"),
        ("https://[2001:DB8::1]:443", "https://[2001:db8::1]"),
    ],
)
def test_the_public_address_has_one_spelling(typed: str, meant: str) -> None:
    """Clients compare issuer and resource as text with what they made of the URL that a person typed."""
    settings = load(PUBLIC_URL=typed)

    assert meant == settings.web.public_url
    assert meant == load(MCP_DOMAIN=typed).web.public_url


def test_an_endpoint_for_the_public_address_is_worth_a_word() -> None:
    """What users type ends in /mcp; PUBLIC_URL does not."""
    (warning,) = load(PUBLIC_URL="https://mcp.example.org/mcp").warnings
    assert "https://mcp.example.org/mcp/mcp" in warning
    assert () == load(PUBLIC_URL="https://mcp.example.org/gate").warnings


def test_two_listeners_need_two_ports() -> None:
    """The operator's listener must never be the public one."""
    assert "ADMIN_PORT" == fault_of(PORT="9464").variable


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"HOST": ANY}, "PUBLIC_URL is not set"),
        ({"PUBLIC_URL": "http://mcp.example.com"}, "in the clear"),
        ({"ADMIN_HOST": ANY}, "ADMIN_HOST is not loopback"),
    ],
)
def test_what_is_allowed_and_unwise_is_mentioned(changes: dict[str, str], said: str) -> None:
    """The operator decides, knowing."""
    assert any(said in warning for warning in load(**changes).warnings)


def test_public_names_of_every_form_are_allowed() -> None:
    """An IPv6 address with a port, as it stands in a Host header."""
    assert "[2001:db8::1]" in load(PUBLIC_URL="https://[2001:db8::1]:8443").web.allowed_hosts
