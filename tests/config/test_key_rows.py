"""Rows of the key store: what is not understood is a fault, never a key with fewer bounds or another identity."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aegis_trio.auth.keytext import DigestScheme, parse_key, pepper_id
from aegis_trio.config.key_bounds import MAX_PARTS
from aegis_trio.config.key_metadata import MAX_ROW_BYTES
from aegis_trio.model.secret import Secret
from tests.config.places import HINT, KEY, OTHER, fault_of, load

PEPPER = "p" * 32


def put(folder: Path, key: str = KEY, *, name: str = "", **members: Any) -> Path:
    """Write a row of *key* into the keys' folder; return that."""
    text = parse_key(key)
    assert text is not None
    row = {"version": 2, "kid": text.kid, "hint": text.hint} | members
    folder.mkdir(exist_ok=True)
    (folder / (name or f"{text.kid}.json")).write_text(json.dumps(row))
    return folder


def digest_of(key: str, pepper: str = PEPPER) -> dict[str, str]:
    """Return the members that make a row a key of its own."""
    text = parse_key(key)
    assert text is not None
    digest = text.digest(DigestScheme.HMAC, Secret(pepper)).hex()
    return {"digest": f"hmac:{digest}", "pepper": pepper_id(Secret(pepper))}


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"repositoris": ["acme/*"]}, "Did you mean repositories?"),
        ({"sudo": True}, "Its members are"),
        ({"repositories": "acme/*"}, "not a list of texts"),
        ({"repositories": ["acme/*", 7]}, "not a list of texts"),
        ({"repositories": ["acme"]}, "is not owner/name"),
        ({"repositories": ["acme/*"] * (MAX_PARTS + 1)}, "more than 1000"),
        ({"tools": ["Get Me"]}, "not the name of a tool"),
        ({"scopes": ["sudo"]}, "is not a scope"),
        ({"addresses": ["example.com"]}, "not an address or network"),
        ({"read_only": "yes"}, "neither true nor false"),
        ({"rate_class": 7}, "rate_class"),
        ({"rate_class": "A b"}, "rate_class"),
        ({"revoked": "soon"}, "time in revoked"),
        ({"digest": "hmac:00", "pepper": "00000000"}, "digest"),
        ({"digest": f"hmac:{'0' * 64}"}, "digest"),
        ({"description": "x" * MAX_ROW_BYTES}, "bytes"),
    ],
)
def test_a_row_that_is_not_understood_is_a_fault(members: dict[str, Any], words: str, tmp_path: Path) -> None:
    """It names the file and the way out."""
    fault = fault_of(KEYS_DIR=str(put(tmp_path / "keys", **members)))

    assert "KEYS_DIR" == fault.variable
    assert words in str(fault)


def test_two_rows_of_one_key_are_a_fault(tmp_path: Path) -> None:
    """One of them may have no bounds."""
    put(tmp_path / "keys", tools=["get_me"])
    assert "2 files about the key" in str(fault_of(KEYS_DIR=str(put(tmp_path / "keys", name="copy.json"))))


@pytest.mark.parametrize("content", [None, "", "two words", "x" * 5000])
def test_a_token_file_that_holds_no_token_is_a_fault(content: str | None, tmp_path: Path) -> None:
    """There is no fallback to the bot: the key would act as somebody else than its row says."""
    folder = put(tmp_path / "keys", gitea_token_file="hers")
    if content is not None:
        (folder / "hers").write_text(content)

    assert "gitea_token_file" in str(fault_of(KEYS_DIR=str(folder)))


def test_a_row_names_its_own_identity_and_the_files_to_watch(tmp_path: Path) -> None:
    """It goes before GITEA_KEY_TOKENS, and is among the tokens that are checked at Gitea."""
    folder = put(tmp_path / "keys", gitea_token_file="hers")
    (folder / "hers").write_text("herowntoken\n")
    settings = load(KEYS_DIR=str(folder), GITEA_KEY_TOKENS=f"{HINT}=another0token")

    (key,), (validity,) = settings.auth.keys, settings.auth.validities
    assert Secret("herowntoken") == key.gitea_token == validity.gitea_token
    assert Secret("herowntoken") in settings.auth.gitea_tokens().values()
    assert (folder / "hers", folder) == (settings.watched.files[-1], settings.watched.folder)


def test_a_stored_key_needs_its_pepper(tmp_path: Path) -> None:
    """Without it nobody could call with the key, and nobody would know why; a revoked one needs none."""
    folder = put(tmp_path / "keys", OTHER, **digest_of(OTHER))
    fault = fault_of(KEYS_DIR=str(folder))
    assert ("AEGIS_KEY_PEPPER", True) == (fault.variable, pepper_id(Secret(PEPPER)) in fault.rule)
    assert 2 == len(load(KEYS_DIR=str(folder), AEGIS_KEY_PEPPER=PEPPER).auth.keys)
    former = load(KEYS_DIR=str(folder), AEGIS_KEY_PEPPER="n" * 32, AEGIS_KEY_PEPPER_FORMER=PEPPER)
    assert 2 == len(former.auth.keys)
    put(folder, OTHER, revoked="2026-02-02", **digest_of(OTHER))
    assert 2 == len(load(KEYS_DIR=str(folder)).auth.keys)


def test_a_store_alone_configures_the_gate(tmp_path: Path) -> None:
    """MCP_API_KEYS need not be set; and a key that stands in both is one key."""
    folder = put(tmp_path / "keys", KEY, **digest_of(KEY))
    given = {"KEYS_DIR": str(folder), "AEGIS_KEY_PEPPER": PEPPER}
    assert 1 == len(load(**given, MCP_API_KEYS="").auth.keys)
    assert 1 == len(load(**given, GITEA_KEY_TOKENS=f"{HINT}=hers0token").auth.keys)
