"""The settings of one local client: Gitea, a token, and nothing of the network."""

from __future__ import annotations

from pathlib import Path

import pytest

from aegis_trio.config.faults import ConfigurationFaults
from aegis_trio.config.stdio import GRACE_S, MAX_PROCESSES, StdioSettings, load_stdio_settings
from aegis_trio.model.secret import Secret
from aegis_trio.telemetry.settings import LogLevel
from tests.audit.signed import KEY
from tests.config.places import written

LEAST = {"GITEA_URL": "https://git.example.com", "GITEA_TOKEN": "abcdef0123", "HOME": "/home/ada"}


def load(env_file: Path | None = None, **changes: str) -> StdioSettings:
    """Return the settings of the least environment with *changes*; an empty text unsets."""
    return load_stdio_settings(LEAST | changes, env_file)


def faults_of(**changes: str) -> list[str]:
    """Return the names of what is wrong with the least environment with *changes*."""
    with pytest.raises(ConfigurationFaults) as caught:
        load(None, **changes)
    return [fault.variable for fault in caught.value.faults]


@pytest.mark.requirement("MCP-STDIO-04")
def test_a_url_and_a_token_are_enough() -> None:
    """There is no key: whoever starts the program has the token already."""
    settings = load()

    assert ("https://git.example.com", Secret("abcdef0123")) == (settings.gitea.url, settings.token)
    assert (LogLevel.WARNING, GRACE_S) == (settings.telemetry.log_level, settings.grace_s)
    assert (32, 1200) == (settings.limits.max_concurrent_calls, settings.limits.calls_per_minute)
    assert () == settings.warnings


def test_what_is_set_counts() -> None:
    """The same names as for serving."""
    settings = load(
        LOG_LEVEL="DEBUG", SHUTDOWN_GRACE_S="5", CALLS_PER_MINUTE="7", ROOT_SECRET="r" * 32, GITEA_MAX_CONNECTIONS="3"
    )

    assert (LogLevel.DEBUG, 5.0) == (settings.telemetry.log_level, settings.grace_s)
    assert (7, 3) == (settings.limits.calls_per_minute, settings.gitea.max_connections)
    assert (Secret("r" * 32),) == settings.root.roots


def test_a_signing_key_signs_one_log_that_is_named() -> None:
    """Two logs under one key would be two histories of one name: that is what witnesses call a forgery."""
    key = KEY.reveal()

    signing = load(AUDIT_SIGNING_KEY=key, AUDIT_LOG_PATH="/srv/ada.log").signing_key
    assert signing is not None
    assert KEY.verifier == signing.verifier
    assert None is load().signing_key
    assert ["AUDIT_SIGNING_KEY"] == faults_of(AUDIT_SIGNING_KEY=key)


def test_each_process_finds_a_log_of_its_own() -> None:
    """A client starts several programs at once, and two writers would fork the chain of one log."""
    settings = load()
    folder = Path("/home/ada/.local/state/aegis-trio")

    assert (folder / "audit.log", folder / "audit-2.log") == settings.audit_paths[:2]
    assert MAX_PROCESSES == len(set(settings.audit_paths))
    assert folder / "root.key" == settings.root.path


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"XDG_STATE_HOME": "/var/state"}, "/var/state/aegis-trio/audit.log"),
        ({"XDG_STATE_HOME": "state"}, "/home/ada/.local/state/aegis-trio/audit.log"),
        ({"AUDIT_LOG_PATH": "/srv/a.log"}, "/srv/a.log"),
    ],
    ids=["a state folder", "one that is relative", "a path of the user's"],
)
def test_the_user_may_choose_where_the_log_stands(changes: dict[str, str], path: str) -> None:
    """Whoever names a file gets that file and no other."""
    settings = load(None, **changes)

    assert Path(path) == settings.audit_paths[0]
    assert Path(path).with_name("root.key") == settings.root.path
    assert ("AUDIT_LOG_PATH" in changes) == (len(settings.audit_paths) == 1)


def test_a_user_without_a_home_must_name_the_log() -> None:
    """A service account may have none."""
    assert ["AUDIT_LOG_PATH"] == faults_of(HOME="")
    assert Path("/srv/a.log") == load(HOME="", AUDIT_LOG_PATH="/srv/a.log").audit_paths[0]


def test_everything_that_is_wrong_is_told_at_once() -> None:
    """The same words as for serving."""
    assert ["GITEA_URL", "GITEA_TOKEN"] == faults_of(GITEA_URL="", GITEA_TOKEN="")
    assert ["GITEA_TOKEN"] == faults_of(GITEA_TOKEN="YOUR_GITEA_TOKEN")
    assert ["CALLS_PER_MINUTE", "WRITE_MODE", "GITEA_TOKN"] == faults_of(
        CALLS_PER_MINUTE="many", WRITE_MODE="true", GITEA_TOKN="x"
    )


def test_what_belongs_to_the_network_is_not_judged() -> None:
    """A settings file of the gate serves for this too."""
    load(HOST="0.0.0.0", PORT="none", MCP_API_KEYS="short", TLS_CERT_FILE="/nowhere", KEYS_DIR="/nowhere")  # noqa: S104 -- a value under test; nothing is bound


def test_a_settings_file_is_read_where_it_is_named_and_only_there(tmp_path: Path) -> None:
    """Threat: a client starts us in a project of strangers, whose `.env` could send the token to a Gitea of theirs."""
    hostile = written(tmp_path / ".env", "GITEA_URL=https://evil.example.com\n")
    token_only = {"GITEA_TOKEN": "abcdef0123", "HOME": "/home/ada"}

    with pytest.raises(ConfigurationFaults):
        load_stdio_settings(token_only, None)
    assert "https://evil.example.com" == load_stdio_settings(token_only, hostile).gitea.url
    with pytest.raises(ConfigurationFaults, match="--env-file"):
        load_stdio_settings(LEAST, tmp_path / "missing.env")
