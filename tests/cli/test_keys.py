"""The commands on keys: what there is, ending one, taking one over, and the pepper."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from aegis_trio.auth.keytext import KeyForm, make_key, pepper_id
from aegis_trio.auth.settings import KeyState
from aegis_trio.config.load import gather
from aegis_trio.model.secret import Secret
from tests.cli.places import DAY_NS, HINT, KEY, NOW_NS, OTHER, OTHER_HINT, json_of, kid_of, known, run

PEPPER = "p" * 32
STRONG = "x9K2mQ7vT4wZ1bN8cR5fH3jL6pD0sG-aYeU.iO"


@pytest.fixture
def env_file(folder: Path) -> Path:
    """A settings file with one key and a pepper."""
    path = folder / ".env"
    path.write_text(f"GITEA_URL=https://x\nGITEA_TOKEN=abcdef\nMCP_API_KEYS={KEY}\nAEGIS_KEY_PEPPER={PEPPER}\n")
    path.chmod(0o600)
    return path


def listed(capsys: pytest.CaptureFixture[str], *flags: str) -> list[dict[str, Any]]:
    """Return what `keys list` knows."""
    capsys.readouterr()
    assert 0 == run("keys", "list", "--json", *flags)
    keys: list[dict[str, Any]] = json_of(capsys)["keys"]
    return keys


def store(capsys: pytest.CaptureFixture[str], *flags: str) -> dict[str, Any]:
    """Make a key in the store."""
    capsys.readouterr()
    assert 0 == run("keygen", "--store", "--label", "build", "--json", *flags)
    made: dict[str, Any] = json_of(capsys)
    return made


BOUNDS = {
    "--owner": "Anna",
    "--scopes": "read:repository,read:issue",
    "--tools": "get_*,list_repositories",
    "--repositories": "acme/backend,acme/docs-*",
    "--addresses": "203.0.113.7,2001:db8::/32",
    "--rate-class": "slow",
}


def test_a_key_in_the_store_opens_the_gate_and_stands_nowhere(
    env_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its row holds a digest under the pepper, its bounds, and nothing that anybody could call with."""
    made = store(capsys, "--read-only", *(part for pair in BOUNDS.items() for part in pair))

    row = json.loads(Path(made["metadata_file"]).read_text())
    assert (2, "build", "Anna", pepper_id(Secret(PEPPER))) == tuple(
        row[name] for name in ("version", "description", "owner", "pepper")
    )
    assert made["key"][8:-4] not in Path(made["metadata_file"]).read_text()
    assert None is made["env_line"]
    assert KEY in env_file.read_text()
    settings = gather({}, env_file).settings
    assert settings is not None
    assert 2 == len(settings.auth.keys)
    (validity,) = settings.auth.validities
    bounds = validity.bounds
    assert ({"read:repository", "read:issue"}, ("get_*", "list_repositories")) == (bounds.scopes, bounds.tools)
    assert (("acme/backend", "acme/docs-*"), True, "slow") == (bounds.repositories, bounds.read_only, bounds.rate_class)
    assert ["203.0.113.7/32", "2001:db8::/32"] == [str(network) for network in bounds.addresses or ()]


def test_the_list_shows_every_key_and_none(env_file: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where it stands, in which state, and how far it reaches; no key and no digest."""
    made = store(capsys, "--repositories", "acme/*")
    known(folder / "keys", OTHER, replaced_by="gone")

    keys = listed(capsys)
    assert [(HINT, "MCP_API_KEYS", "active"), (made["hint"], "store", "active")] == [
        (one["hint"], one["place"], one["state"]) for one in keys
    ]
    assert {"repositories": ["acme/*"]} == keys[1]["bounds"]
    assert [OTHER_HINT] == [one["hint"] for one in listed(capsys, "--all") if one["place"] == "nowhere"]
    assert 0 == run("keys", "list")
    text = capsys.readouterr().out
    assert "repositories=acme/*" in text
    assert "nothing more is known" in text
    for secret in (made["key"], KEY, PEPPER, json.loads(Path(made["metadata_file"]).read_text())["digest"]):
        assert secret not in text


def test_the_list_names_keys_of_a_former_pepper(env_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It must not be thrown away while a key hangs on it; without it the gate says which key needs it."""
    made = store(capsys)
    env_file.write_text(env_file.read_text().replace(PEPPER, "n" * 32) + f"AEGIS_KEY_PEPPER_FORMER={PEPPER}\n")
    assert 0 == run("keys", "list")
    assert f"made with the former pepper {pepper_id(Secret(PEPPER))}" in capsys.readouterr().out
    assert () == gather({}, env_file).faults

    env_file.write_text(env_file.read_text().replace("AEGIS_KEY_PEPPER_FORMER", "# "))
    (fault,) = gather({}, env_file).faults
    assert ("AEGIS_KEY_PEPPER", True) == (fault.variable, made["hint"] in fault.rule)


def test_there_is_no_key(capsys: pytest.CaptureFixture[str]) -> None:
    """The way out is named."""
    assert 0 == run("keys", "list")
    assert "aegis-trio keygen" in capsys.readouterr().out


@pytest.mark.parametrize("name", [HINT, kid_of(KEY)])
def test_a_key_of_the_list_is_revoked_by_its_row(
    name: str, env_file: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By hint or id; the settings file stays as it is, so it works also where an environment holds the key."""
    before = env_file.read_text()

    assert 0 == run("keys", "revoke", name)

    assert "Remove it from MCP_API_KEYS too" in capsys.readouterr().out
    assert before == env_file.read_text()
    settings = gather({}, env_file).settings
    assert settings is not None
    (validity,) = settings.auth.validities
    assert KeyState.REVOKED is validity.state(NOW_NS)
    assert ["revoked"] == [one["state"] for one in listed(capsys)]
    assert 0 == run("keys", "revoke", name, "--json", now_ns=NOW_NS + DAY_NS)
    again = json_of(capsys)
    assert (True, "2026-02-02T02:40:00.000000Z") == (again["was_revoked"], again["revoked"])
    assert 0 == run("key-age")
    assert "is revoked; remove it" in capsys.readouterr().out


def test_revoking_keeps_what_is_known(env_file: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Bounds of a revoked key are evidence."""
    made = store(capsys, "--tools", "get_me", "--owner", "Anna")
    assert 0 == run("keys", "revoke", made["hint"], "--json")
    told = json_of(capsys)
    assert ("store", False) == (told["place"], told["was_revoked"])
    row = json.loads(Path(made["metadata_file"]).read_text())
    assert (["get_me"], "Anna", "2026-02-02T02:40:00.000000Z") == (row["tools"], row["owner"], row["revoked"])


@pytest.mark.parametrize(("entry", "words"), [(KEY, "names no key"), (f"sha256:{'ab' * 32}", "not even its id")])
def test_what_cannot_be_revoked_is_said(
    entry: str, words: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unknown name, and a hashed entry without a row."""
    (folder / ".env").write_text(f"MCP_API_KEYS={entry}\n")
    assert 64 == run("keys", "revoke", "sha256:abababab" if "sha" in entry else "deadbeef...0000")
    assert words in capsys.readouterr().err


def test_a_foreign_key_is_taken_over(env_file: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From a file; the output holds no letter of it but the hint, and it opens the gate."""
    (folder / "key").write_text(f"{STRONG}\n")

    assert 0 == run("keys", "import", "key", "--label", "old gateway", "--json", "--tools", "get_me")

    made = json_of(capsys)
    assert "key" not in made
    assert (f"{STRONG[:8]}...{STRONG[-4:]}", kid_of(STRONG)) == (made["hint"], made["kid"])
    settings = gather({}, env_file).settings
    assert settings is not None
    assert kid_of(STRONG) in {key.kid for key in settings.auth.keys}
    assert STRONG not in Path(made["metadata_file"]).read_text()
    assert 64 == run("keys", "import", "key", "--label", "again")
    assert "is known already" in capsys.readouterr().err


def test_a_key_comes_through_a_pipe(
    env_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody is asked, as the pipe is where answers would come from."""
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{STRONG}\n"))
    assert 0 == run("keys", "import", "-", "--expires-days", "never")
    out = capsys.readouterr().out
    assert "expires never" in out
    assert STRONG not in out


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("short-canary", "has 12 characters, fewer than 32"),
        ("canary" * 90, "more than 512"),
        ("canary-" * 6, "bits of chance, fewer than 112"),
        ("a" * 64, "could be guessed"),
        (f"{STRONG[:20]} {STRONG[20:]}", "a space"),
        (f"{STRONG}\u00e9", "no header carries"),
        pytest.param(make_key(KeyForm.AEGIS).reveal()[:-8] + "00000000", "checksum is wrong", id="checksum"),
    ],
)
def test_a_weak_or_broken_key_is_refused_with_the_reason(
    key: str, words: str, env_file: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is stored, and the text is not repeated: it may be a password."""
    (folder / "key").write_text(key)
    assert 64 == run("keys", "import", "key", "--label", "x")
    told = capsys.readouterr()
    assert words in told.err
    assert "canary" not in told.err
    assert not (folder / "keys").exists()


@pytest.mark.parametrize("command", [("keygen", "--store", "--label", "x"), ("keys", "import", "key", "--label", "x")])
def test_the_store_needs_a_pepper(
    command: tuple[str, ...], folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is made by a command, in a file that is never replaced."""
    (folder / "key").write_text(STRONG)
    assert 64 == run(*command)
    assert "aegis-trio keys pepper FILE" in capsys.readouterr().err
    assert 0 == run("keys", "pepper", "secrets/pepper", "--json")
    made = json_of(capsys)
    path = folder / "secrets" / "pepper"
    assert (0o600, 65) == (path.stat().st_mode & 0o777, path.stat().st_size)
    assert (f"AEGIS_KEY_PEPPER_FILE={path}", pepper_id(Secret(path.read_text().strip()))) == (
        made["env_line"],
        made["pepper"],
    )
    monkeypatch.setenv("AEGIS_KEY_PEPPER_FILE", str(path))
    assert 0 == run(*command)
    before = path.read_text()
    assert 64 == run("keys", "pepper", "secrets/pepper")
    assert before == path.read_text()
    assert 0 == run("keys", "pepper", "secrets/other")
    assert "AEGIS_KEY_PEPPER_FORMER" in capsys.readouterr().out


@pytest.mark.parametrize(
    "flags",
    [
        ["--scopes", "admin"],
        ["--tools", "Get Me"],
        ["--tools", ","],
        ["--repositories", "acme"],
        ["--repositories", "acme/[ab]"],
        ["--addresses", "example.com"],
        ["--addresses", "203.0.113.7/24"],
        ["--rate-class", "Fast!"],
        ["--owner", "a\nb"],
        ["--format", "base64"],
        ["--format", "bare", "--form", "hex"],
        ["--store", "--hash"],
    ],
)
def test_bounds_that_make_no_sense_are_usage(flags: list[str], folder: Path) -> None:
    """A bound that is not understood must not become none."""
    assert 64 == run("keygen", "--label", "x", *flags)
    assert [] == list(folder.iterdir())


@pytest.mark.parametrize(("name", "length"), [("bare", 64), ("prefixed", 79)])
def test_a_key_is_written_as_asked_for(name: str, length: int, capsys: pytest.CaptureFixture[str]) -> None:
    """The hint is of the hexadecimal body in both."""
    assert 0 == run("keygen", "--label", "x", "--format", name, "--json")
    made = json_of(capsys)
    body = made["key"].removeprefix("aegis_")[:64]
    assert (length, f"{body[:8]}...{body[60:]}") == (len(made["key"]), made["hint"])


def test_no_command_is_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """The commands are named."""
    assert 64 == run("keys")
    assert "list,revoke,import,pepper" in capsys.readouterr().err


@pytest.mark.parametrize("grace", [True, False])
def test_a_key_in_the_store_is_rotated_in_the_store(
    env_file: Path, capsys: pytest.CaptureFixture[str], *, grace: bool
) -> None:
    """The new one reaches as far as the old one and no further; no settings file changes."""
    made = store(capsys, "--repositories", "acme/*", "--owner", "Anna", "--format", "prefixed")
    before = env_file.read_text()
    assert 0 == run("rotate", "--key", made["hint"], "--grace" if grace else "--replace", "--json")
    new = json_of(capsys)
    assert (before, []) == (env_file.read_text(), new["backups"])
    states = {one["hint"]: (one["state"], one["bounds"], one["owner"]) for one in listed(capsys)}
    same = ({"repositories": ["acme/*"]}, "Anna")
    assert ("active", *same) == states[new["hint"]]
    assert ("grace" if grace else "revoked", *same) == states[made["hint"]]
    assert 0 == run("key-age", now_ns=NOW_NS + 2 * DAY_NS)
    assert (made["hint"] in capsys.readouterr().out) is False


def test_what_is_said_of_a_key_in_the_store_is_true_of_the_store(
    env_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No settings file holds it: whoever is told to edit one, or to restart, looks for what is not there."""
    made = store(capsys)
    assert 0 == run("rotate", "--key", made["hint"], "--grace")
    told = capsys.readouterr().out
    assert "nothing has to be removed" in told
    assert not {"MCP_API_KEYS", "restart"} & set(told.replace(".", " ").replace(",", " ").split())
    monkeypatch.setenv("MCP_API_KEYS", KEY)
    newest = max(listed(capsys), key=lambda one: one["created"] or "")
    assert 0 == run("rotate", "--key", newest["hint"], "--replace", "--json")
    assert json_of(capsys)["restart_needed"] is False


def test_a_store_alone_is_enough(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """MCP_API_KEYS need not be set: the gate starts, and rotation finds the one key and moves its Gitea token."""
    env = folder / ".env"
    env.write_text(f"GITEA_URL=https://x\nAEGIS_KEY_PEPPER={PEPPER}\n")
    made = store(capsys)
    env.write_text(env.read_text() + f"GITEA_KEY_TOKENS={made['hint']}=hers\n")
    assert () == gather({}, env).faults

    assert 0 == run("rotate", "--replace", "--json")
    new = json_of(capsys)
    assert f"GITEA_KEY_TOKENS={new['hint']}=hers\n" in env.read_text()
    settings = gather({}, env).settings
    assert settings is None or new["kid"] in {key.kid for key in settings.auth.keys}


def test_a_rotated_key_of_the_list_keeps_its_bounds(env_file: Path, folder: Path) -> None:
    """Or rotation would widen what a key reaches."""
    path = known(folder / "keys")
    row = json.loads(path.read_text())
    path.write_text(json.dumps(row | {"version": 2, "tools": ["get_me"], "owner": "Anna"}))
    assert 0 == run("rotate", "--grace")
    rows = [json.loads(one.read_text()) for one in (folder / "keys").iterdir()]
    assert [(["get_me"], "Anna")] * 2 == [(one["tools"], one["owner"]) for one in rows]
