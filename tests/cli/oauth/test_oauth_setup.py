"""`oauth setup` registers the application once, writes what `serve` needs, and loses and shows no secret."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from aegis_trio.cli.env_lines import read_values
from aegis_trio.cli.oauth.places import is_writable, state_values
from aegis_trio.config.load import load_settings
from aegis_trio.config.reader import Reader
from aegis_trio.config.sources import Sources
from aegis_trio.demo_forge.faults import Fault
from tests.cli.oauth.setups import (
    CALLBACK,
    ENV,
    HERE,
    NAME,
    NOWHERE,
    PUBLIC,
    SECRET,
    as_token,
    ours,
    setup,
    written,
)
from tests.forge import open_forge

pytestmark = pytest.mark.sockets


async def test_the_settings_that_it_writes_are_all_that_serve_needs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    """Two settings and this command: no key, no bot, nothing by hand."""
    async with open_forge() as forge:
        as_token(monkeypatch, forge.world.tokens["admin"])
        assert 0 == await setup(forge)
        [application] = ours(forge)

    settings = load_settings({}, folder / ".env")

    assert (NAME, (CALLBACK,), True) == (application.name, application.redirect_uris, application.confidential)
    assert settings.signin is not None
    assert application.client_id == settings.signin.client_id
    assert application.client_secret == settings.signin.client_secret.reveal()
    assert (PUBLIC, forge.url) == (settings.web.public_url, settings.gitea.url)
    assert (folder / "state" / "store.sqlite3", folder / "state" / "audit.log") == (
        settings.signin.store_path,
        settings.audit.path,
    )
    assert 0o600 == (folder / ".env").stat().st_mode & 0o777
    said = capsys.readouterr()
    shown = said.out + said.err
    assert [] == [word for word in (application.client_secret, forge.world.tokens["admin"]) if word in shown]
    assert "dies when that account is deleted" in said.err
    assert f"{PUBLIC}/mcp" in said.out


async def test_twice_is_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is registered, written or backed up again, and the secret goes on working."""
    async with open_forge() as forge:
        as_token(monkeypatch, forge.world.tokens["admin"])
        assert 0 == await setup(forge)
        before, secret = ENV.read_bytes(), ours(forge)[0].client_secret
        capsys.readouterr()

        assert 0 == await setup(forge, "--json")

        assert "unchanged" == json.loads(capsys.readouterr().out)["action"]
        assert (before, [secret]) == (ENV.read_bytes(), [each.client_secret for each in ours(forge)])
    assert [".env"] == [path.name for path in HERE.iterdir()]


async def test_other_peoples_lines_stay_and_the_file_is_backed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is theirs; the secret of before is in the backup alone."""
    ENV.write_text("# mine\nMCP_API_KEYS='abc'  # the old way\nOAUTH_MODE=false # not yet\n")
    ENV.chmod(0o640)
    async with open_forge() as forge:
        as_token(monkeypatch, forge.world.tokens["admin"])
        assert 0 == await setup(forge)

    lines = ENV.read_text().splitlines()
    [backup] = HERE.glob(".env.backup-*")
    assert ["# mine", "MCP_API_KEYS='abc'  # the old way", "OAUTH_MODE=true # not yet"] == lines[:3]
    assert "OAUTH_MODE=false # not yet\n" in backup.read_text()
    assert (0o600, 0o600) == (backup.stat().st_mode & 0o777, ENV.stat().st_mode & 0o777)


async def test_a_lost_secret_is_made_anew_only_when_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another gate may be running with it."""
    async with open_forge() as forge:
        as_token(monkeypatch, forge.world.tokens["admin"])
        await setup(forge)
        ENV.unlink()
        secret = ours(forge)[0].client_secret

        assert 64 == await setup(forge)
        assert "--new-secret" in capsys.readouterr().err
        assert [secret] == [each.client_secret for each in ours(forge)]
        assert not ENV.exists()

        assert 0 == await setup(forge, "--new-secret")
        [application] = ours(forge)
        assert secret != application.client_secret == written()["GITEA_OAUTH_CLIENT_SECRET"]


async def test_a_gate_that_moved_keeps_its_application(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The redirect URI of before is not this gate's any more, and whoever gets that name must not get codes."""
    async with open_forge() as forge:
        as_token(monkeypatch, forge.world.tokens["admin"])
        await setup(forge, public_url="https://old.example.com")

        assert 64 == await setup(forge)
        assert "https://old.example.com/oauth/callback" in capsys.readouterr().err
        assert 0 == await setup(forge, "--new-secret")

        [application] = ours(forge)
    assert (CALLBACK,) == application.redirect_uris
    assert PUBLIC == written()["PUBLIC_URL"]


async def test_redirect_uris_that_others_added_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """One application may serve two gates."""
    other = "https://other.example.com/oauth/callback"
    async with open_forge() as forge:
        as_token(monkeypatch, forge.world.tokens["admin"])
        await setup(forge)
        ours(forge)[0].redirect_uris = (other, CALLBACK)
        ENV.unlink()

        assert 0 == await setup(forge, "--new-secret")

        assert [(other, CALLBACK)] == [each.redirect_uris for each in ours(forge)]


async def test_a_dry_run_changes_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It asks Gitea all the same, so that it tells the truth."""
    async with open_forge() as forge:
        as_token(monkeypatch, forge.world.tokens["admin"])

        assert 0 == await setup(forge, "--dry-run")

        assert "would register" in capsys.readouterr().out
        assert {"GET"} == {record.method for record in forge.requests}
        assert [] == ours(forge)
    assert [] == list(HERE.iterdir())


async def test_print_writes_no_file_and_can_be_taken_as_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """For people who keep secrets elsewhere."""
    async with open_forge() as forge:
        as_token(monkeypatch, forge.world.tokens["admin"])
        assert 0 == await setup(forge, "--print")
        [application] = ours(forge)

    values = read_values(capsys.readouterr().out)

    assert application.client_secret == values["GITEA_OAUTH_CLIENT_SECRET"]
    assert "true" == values["OAUTH_MODE"]
    assert [] == list(HERE.iterdir())


async def test_the_secret_goes_into_its_own_file_where_it_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both places at once would be refused at the next start."""
    ENV.write_text("GITEA_OAUTH_CLIENT_SECRET_FILE=secrets/oauth\n")
    async with open_forge() as forge:
        as_token(monkeypatch, forge.world.tokens["admin"])
        assert 0 == await setup(forge)
        assert 0 == await setup(forge)  # and there it is found again
        [application] = ours(forge)

    assert f"{application.client_secret}\n" == SECRET.read_text()
    assert 0o600 == SECRET.stat().st_mode & 0o777
    assert "GITEA_OAUTH_CLIENT_SECRET" not in written()


# ---- when something breaks ------------------------------------------------------------------------------------------


async def test_a_file_that_cannot_be_written_costs_no_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is found out before Gitea is asked to make one."""
    NOWHERE.touch()
    async with open_forge() as forge:
        as_token(monkeypatch, forge.world.tokens["admin"])
        assert 64 == await setup(forge, "--env-file", "nowhere/.env")
        assert [] == list(forge.requests)
    assert "cannot be written by this account" in capsys.readouterr().err


async def test_a_file_that_changed_meanwhile_is_not_overwritten(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody edits it while Gitea answers; how to go on is said."""
    ENV.write_text("A=1\n")

    def ask_hidden(_: str) -> str:
        ENV.write_text("A=2\n")
        return token

    monkeypatch.setattr("aegis_trio.cli.oauth.setup.can_ask", lambda: True)
    monkeypatch.setattr("getpass.getpass", ask_hidden)
    async with open_forge() as forge:
        token = forge.world.tokens["admin"]
        assert 64 == await setup(forge)
        assert {"A": "2"} == written()
        assert "--new-secret" in capsys.readouterr().err
        assert 0 == await setup(forge, "--new-secret")
        assert 1 == len(ours(forge))


async def test_a_setting_of_the_environment_that_goes_before_the_file_is_worth_a_word(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Or the administrator looks for hours at a file that does not count."""
    async with open_forge() as forge:
        as_token(monkeypatch, forge.world.tokens["admin"])
        monkeypatch.setenv("OAUTH_MODE", "false")
        assert 0 == await setup(forge)
    assert "OAUTH_MODE is also set in this environment" in capsys.readouterr().err


async def test_gitea_that_fails_in_between_leaves_the_settings_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Half a setup is none; trying again works."""
    async with open_forge() as forge:
        as_token(monkeypatch, forge.world.tokens["admin"])
        forge.faults.order(Fault(), path="/user/applications")  # the list is right
        forge.faults.order(Fault(status=500), path="/user/applications")
        assert 64 == await setup(forge)
        assert not ENV.exists()
        assert "status 500" in capsys.readouterr().err
        # What Gitea made of it is not known; here it had registered, and its answer was lost.
        assert 0 == await setup(forge, "--new-secret")
        assert 1 == len(ours(forge))


def test_default_places_count_where_they_can_be_written(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """The files of the machine where it is a service's, files beside the settings where it is a person's."""
    reader = Reader(Sources({}, None))
    monkeypatch.setattr("aegis_trio.cli.oauth.places.is_writable", lambda _: False)
    beside: dict[str, Any] = state_values(reader, ENV, None)
    assert {
        "STORE_PATH": str(folder / "state" / "store.sqlite3"),
        "AUDIT_LOG_PATH": str(folder / "state" / "audit.log"),
    } == beside
    monkeypatch.setattr("aegis_trio.cli.oauth.places.is_writable", lambda _: True)
    assert {} == state_values(reader, ENV, None)
    assert {} == state_values(Reader(Sources({"STORE_PATH": "a", "AUDIT_LOG_PATH": "b"}, None)), ENV, folder)
    assert is_writable(folder / "a" / "b")
    if os.getuid():
        folder.chmod(0o500)
        assert not is_writable(folder / "a" / "b")
