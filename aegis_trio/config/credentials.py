"""Credentials: the rules between variables that say who may call, and as whom at Gitea."""

from __future__ import annotations

from collections.abc import Mapping

from aegis_trio.auth.keytext import ADVISED_KEY_CHARS, DigestScheme
from aegis_trio.auth.settings import AuthSettings, ConfiguredKey
from aegis_trio.config.key_entries import (
    KeyEntry,
    bind_identities,
    misnamed_hints,
    parse_key_entries,
    parse_key_tokens,
)
from aegis_trio.config.key_rows import KeyRows, read_rows
from aegis_trio.config.parsing import is_loopback
from aegis_trio.config.reader import Reader
from aegis_trio.config.variables import access
from aegis_trio.model.secret import Secret
from aegis_trio.web.settings import WebSettings


def read_auth(reader: Reader, web: WebSettings, *, has_signin: bool = False) -> AuthSettings:
    """Return who may call; faults of keys, tokens and metadata are noted in *reader*.

    Args:
        has_signin: whether people can sign in, so that no key is needed.
    """
    enabled = reader.read(access.AUTH_ENABLED)
    pepper = reader.read(access.AEGIS_KEY_PEPPER)
    bot_token = reader.read(access.GITEA_TOKEN)
    former_peppers = reader.read(access.AEGIS_KEY_PEPPER_FORMER)
    keys_folder = reader.read(access.KEYS_DIR)
    rows = read_rows(reader, keys_folder, [*([] if pepper is None else [pepper]), *former_peppers])
    listed = _read_entries(reader, pepper)
    named = {entry.kid for entry in listed}
    entries = [*listed, *(entry for entry in rows.entries if entry.kid not in named)]
    tokens = _read_tokens(reader, entries)
    if not enabled:
        _check_open(reader, web, bot_token, has_signin=has_signin)
    elif not entries and not has_signin and not reader.is_set(access.MCP_API_KEYS):
        reader.refuse(access.MCP_API_KEYS, "No API keys configured", "Make one with `aegis-trio keygen`.")
    return AuthSettings(
        enabled=enabled,
        keys_folder=keys_folder,
        keys=_bind(reader, entries, tokens, bot_token, rows) if enabled else (),
        validities=rows.validities,
        pepper=pepper,
        former_peppers=former_peppers,
        bot_token=bot_token,
        key_tokens=tokens if enabled else {},
        max_failures=reader.read(access.MAX_AUTH_FAILURES),
        failure_window_s=reader.read(access.AUTH_FAILURE_WINDOW),
        block_strict=reader.read(access.AUTH_BLOCK_STRICT),
        allow_query_key=reader.read(access.ALLOW_QUERY_API_KEY),
        public_tool_list=reader.read(access.PUBLIC_TOOL_LIST),
        trusted_proxies=web.trusted_proxies,
    )


def _read_entries(reader: Reader, pepper: Secret | None) -> list[KeyEntry]:
    raw_keys = reader.read(access.MCP_API_KEYS)
    if raw_keys is None:
        return []
    entries, misfits = parse_key_entries(raw_keys.reveal())
    for misfit in misfits:
        reader.refuse(access.MCP_API_KEYS, misfit.rule, misfit.remedy)
    if not entries and not misfits:
        reader.refuse(access.MCP_API_KEYS, "No API keys configured", "Make one with `aegis-trio keygen`.")
    if pepper is None and any(entry.scheme is DigestScheme.HMAC for entry in entries):
        reader.refuse(
            access.AEGIS_KEY_PEPPER, "is required by an hmac: entry of MCP_API_KEYS", "Set the pepper it was made with."
        )
    unique: dict[tuple[DigestScheme, bytes], KeyEntry] = {}
    for entry in entries:
        if (entry.scheme, entry.digest) in unique:
            reader.warnings.append(f"MCP_API_KEYS: {entry.label} stands twice.")
        elif entry.short:
            reader.warnings.append(
                f"MCP_API_KEYS: {entry.label} has fewer than {ADVISED_KEY_CHARS} characters; `aegis-trio rotate` "
                "replaces it."
            )
        unique.setdefault((entry.scheme, entry.digest), entry)
    return list(unique.values())


def _read_tokens(reader: Reader, entries: list[KeyEntry]) -> Mapping[str, Secret]:
    raw_tokens = reader.read(access.GITEA_KEY_TOKENS)
    if raw_tokens is None:
        return {}
    tokens, misfits = parse_key_tokens(raw_tokens.reveal())
    for misfit in (*misfits, *misnamed_hints(entries, tokens)):
        reader.refuse(access.GITEA_KEY_TOKENS, misfit.rule, misfit.remedy)
    return tokens


def _bind(
    reader: Reader, entries: list[KeyEntry], tokens: Mapping[str, Secret], bot_token: Secret | None, rows: KeyRows
) -> tuple[ConfiguredKey, ...]:
    keys, without = bind_identities(entries, tokens, bot_token, rows.own_tokens)
    # A token that is set and cannot be read has its own fault already.
    if without and not reader.is_set(access.GITEA_TOKEN):
        reader.refuse(
            access.GITEA_TOKEN,
            f"is required by keys without a token of their own: {', '.join(without)}",
            "Set the bot's token, or give each key one in GITEA_KEY_TOKENS or in its row (gitea_token_file).",
        )
    return keys


def _check_open(reader: Reader, web: WebSettings, bot_token: Secret | None, *, has_signin: bool) -> None:
    if has_signin:
        # Threat: people would sign in, agree to rights, and all of them act as the bot.
        reader.refuse(access.AUTH_ENABLED, "is false while OAUTH_MODE is true", "Keep one of them.")
    if not is_loopback(web.host):
        # Threat: a gate without credentials that a network can reach is everybody's.
        reader.refuse(
            access.AUTH_ENABLED, f"is false while HOST is {web.host}", "Set HOST=127.0.0.1, or AUTH_ENABLED=true."
        )
    if bot_token is None and not reader.is_set(access.GITEA_TOKEN):
        reader.refuse(access.GITEA_TOKEN, "is required while AUTH_ENABLED is false", "Set the bot's token.")
