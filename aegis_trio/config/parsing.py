"""Parsers: from the text of a variable to its value, or a `Misfit` that says what to write instead."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import SplitResult, urlsplit

from aegis_trio.audit.notes import MalformedNote, SignatureKind, SigningKey, parse_signing_key
from aegis_trio.config.faults import Misfit
from aegis_trio.gitea.settings import wire_base
from aegis_trio.model.keyring import MIN_ROOT_BYTES
from aegis_trio.model.secret import Secret

Network = IPv4Network | IPv6Network
ChoiceT = TypeVar("ChoiceT", bound=StrEnum)

_TRUE: Final = frozenset({"true", "1", "yes", "on"})
_FALSE: Final = frozenset({"false", "0", "no", "off"})
_HOST_NAME: Final = re.compile(r"[0-9A-Za-z_]([-0-9A-Za-z_.]{0,251}[0-9A-Za-z_])?\.?", re.ASCII)
_VISIBLE: Final = re.compile(r"[\x21-\x7e]+", re.ASCII)
_TOKEN: Final = re.compile(r"[A-Za-z0-9._-]{1,4096}", re.ASCII)  # what the client sends; anything else is nobody's
_PLACEHOLDER: Final = re.compile(
    r"<.*>|\$\{.*|\$[A-Z_]+|(your|change|replace|insert|example)[-_ ]?\w*[-_ ].*|changeme", re.IGNORECASE
)


def parse_switch(raw_value: str) -> bool:
    """Make true or false of *raw_value*."""
    word = raw_value.lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise Misfit("is neither true nor false", "Write true or false.")


def whole_number(low: int, high: int, *, such_as: int) -> Callable[[str], int]:
    """Return the parser of whole numbers from *low* to *high*; *such_as* is shown to whoever gave another."""

    def parse(raw_value: str) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,18}", raw_value, re.ASCII) or not low <= int(raw_value) <= high:
            raise Misfit(f"is not a whole number from {low} to {high}", f"Write a number such as {such_as}.")
        return int(raw_value)

    return parse


def seconds(low: float, high: float) -> Callable[[str], float]:
    """Return the parser of seconds from *low* to *high*, fractions allowed."""

    def parse(raw_value: str) -> float:
        if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", raw_value, re.ASCII) or not low <= float(raw_value) <= high:
            raise Misfit(f"is not a number of seconds from {low:g} to {high:g}", "Write it without a unit, such as 7.")
        return float(raw_value)

    return parse


def choice(choices: type[ChoiceT]) -> Callable[[str], ChoiceT]:
    """Return the parser of the words of *choices*, whatever their case."""
    words = {member.value.lower(): member for member in choices}

    def parse(raw_value: str) -> ChoiceT:
        member = words.get(raw_value.lower())
        if member is None:
            raise Misfit("is not one of the words it can be", f"Write one of {', '.join(m.value for m in choices)}.")
        return member

    return parse


def parse_text(raw_value: str) -> str:
    """Take *raw_value* as it stands."""
    return raw_value


def parse_path(raw_value: str) -> Path:
    """Make a path of *raw_value*; `~` is the home folder, `~name` that of a user.

    Raises:
        Misfit: there is no such user, or it has no home.
    """
    try:
        return Path(raw_value).expanduser()
    except RuntimeError:
        raise Misfit("begins with the home of a user who has none here", "Write the whole path.") from None


def parse_host(raw_value: str) -> str:
    """Make the name or address of a host of *raw_value*, without brackets."""
    bare = raw_value.removeprefix("[").removesuffix("]") if raw_value.startswith("[") else raw_value
    if not is_address(bare) and not _HOST_NAME.fullmatch(bare):
        raise Misfit("is not an address or the name of a host", "Write one without a port, such as 127.0.0.1.")
    return bare


def parse_url(raw_value: str) -> str:
    """Make a base URL of *raw_value*: http or https, a sub-path if need be, no slash at the end."""
    parts = _split(raw_value)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Misfit("is not an http or https URL", "Write it in full, such as https://git.example.com.")
    if parts.username is not None or parts.password is not None:
        raise Misfit("holds a user or password", "Write the URL without them; identities are set by tokens.")
    if parts.query or parts.fragment or "?" in raw_value or "#" in raw_value:
        raise Misfit("holds a query or fragment", "Write the base URL alone.")
    if not _VISIBLE.fullmatch(raw_value) or any(part in {".", ".."} for part in parts.path.split("/")):
        raise Misfit("holds a character or dot segment that a base URL cannot have", "Write the base URL alone.")
    return raw_value.rstrip("/")


def parse_public_url(raw_value: str) -> str:
    """Make the URL that users type of *raw_value*, in the one spelling that clients compare theirs with.

    Source: RFC 3986 section 6.2.2.1 (case of scheme and host) and 6.2.3 (default port); WHATWG URL, which browsers and
    clients write addresses by.
    """
    parts = urlsplit(parse_url(raw_value))
    netloc = parts.netloc.lower().removesuffix({"https": ":443", "http": ":80"}[parts.scheme])
    return f"{parts.scheme}://{netloc.removesuffix(':')}{parts.path}"


def parse_gitea_url(raw_value: str) -> str:
    """Make Gitea's base URL of *raw_value*, as its client takes it."""
    url = parse_url(raw_value)
    try:
        wire_base(url)
    except ValueError as error:
        raise Misfit(str(error), "Write it as people type it, such as https://git.example.com.") from None
    return url


def parse_domain(raw_value: str) -> str:
    """Make a public URL of a bare domain; https unless it says otherwise."""
    return parse_public_url(raw_value if "://" in raw_value else f"https://{raw_value}")


def parse_networks(raw_value: str) -> tuple[Network, ...]:
    """Make networks of a comma-separated list of addresses and networks."""
    return tuple(_network(part) for part in split_list(raw_value))


def parse_hosts(raw_value: str) -> frozenset[str]:
    """Make the names that a request may ask for of a comma-separated list; a port may follow a name."""
    return frozenset(_host_pattern(part.lower()) for part in split_list(raw_value))


def parse_origins(raw_value: str) -> frozenset[str]:
    """Make browsers' origins of a comma-separated list."""
    return frozenset(_origin(part.lower()) for part in split_list(raw_value))


def parse_token(raw_value: str) -> Secret:
    """Make a token of Gitea of *raw_value*: one word, and no placeholder."""
    if not _TOKEN.fullmatch(raw_value) or _PLACEHOLDER.fullmatch(raw_value):
        raise Misfit("is not a token of Gitea", "Make one in Gitea under Settings, Applications, and write it here.")
    return Secret(raw_value)


def parse_secret_text(raw_value: str) -> Secret:
    """Take a secret as it stands; its own rules are checked where it is used."""
    return Secret(raw_value)


def parse_long_secret(raw_value: str) -> Secret:
    """Make a secret of at least `MIN_ROOT_BYTES` bytes."""
    if len(raw_value.encode()) < MIN_ROOT_BYTES:
        raise Misfit(f"is shorter than {MIN_ROOT_BYTES} bytes", "Make one with `openssl rand -hex 32`.")
    return Secret(raw_value)


def parse_ring(raw_value: str) -> tuple[Secret, ...]:
    """Make root secrets of a list, newest first."""
    return tuple(parse_long_secret(part) for part in split_entries(raw_value))


def parse_audit_key(raw_value: str) -> SigningKey:
    """Make the key that signs checkpoints of the audit log."""
    try:
        key = parse_signing_key(raw_value)
    except MalformedNote as malformed:
        raise Misfit(f"is no signing key: {malformed}", "Make one with `aegis-trio audit init`.") from None
    if key.verifier.kind is not SignatureKind.NOTE:
        raise Misfit("is a key for cosignatures, which a witness has", "Make one with `aegis-trio audit init`.")
    return key


def off_switch(raw_value: str) -> bool:
    """Accept only "off" for the switch of a feature that does not exist yet."""
    # Threat: a setting that is silently ignored leaves its operator with a protection that is not there.
    if parse_switch(raw_value):
        raise Misfit("switches on what is not in this version", "Leave it out, or write false.")
    return False


def split_list(raw_value: str) -> tuple[str, ...]:
    """Return the non-empty parts between commas, stripped."""
    return tuple(part.strip() for part in raw_value.split(",") if part.strip())


def split_entries(raw_value: str) -> tuple[str, ...]:
    """Return the non-empty parts between commas and line ends, without lines that begin with `#`."""
    lines = (line for line in raw_value.splitlines() if not line.lstrip().startswith("#"))
    return tuple(part for line in lines for part in split_list(line))


def is_readable_file(path: Path) -> bool:
    """Return whether *path* is a file that this process may read; never raises, whatever lies on the way."""
    return os.access(path, os.R_OK) and path.is_file()


def is_address(host: str) -> bool:
    """Return whether *host* is an IP address."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach *host*; a name other than `localhost` is not trusted to be."""
    if not is_address(host):
        return host.lower().rstrip(".") == "localhost"
    return ip_address(host).is_loopback


def _split(raw_value: str) -> SplitResult | None:
    try:
        parts = urlsplit(raw_value)
        _ = parts.port  # raises when it is no number or out of range
    except ValueError:
        return None
    return parts


def _network(raw_part: str) -> Network:
    try:
        network = ip_network(raw_part)
    except ValueError:
        raise Misfit(
            f'"{raw_part[:64]}" is not an address or network', "Write addresses such as 172.18.0.2 or 172.18.0.0/16."
        ) from None
    if network.prefixlen == 0:
        # Threat: whoever is trusted may say whom a request came from (CVE-2026-40575 began with a default like this).
        raise Misfit("trusts everybody", "Name the proxies alone.")
    return network


def _host_pattern(raw_part: str) -> str:
    parts = _split(f"//{raw_part}")
    plain = parts is not None and parts.hostname and not (parts.path or parts.query or parts.fragment)
    if not plain or "*" in raw_part or "@" in raw_part or not _VISIBLE.fullmatch(raw_part):
        raise Misfit(
            f'"{raw_part[:64]}" is not the name of a host', "Write names such as mcp.example.com, no wildcards."
        )
    return raw_part


def _origin(raw_part: str) -> str:
    parts = _split(raw_part)
    plain = parts is not None and parts.scheme in {"http", "https"} and parts.hostname and not parts.path
    if not plain or "*" in raw_part or "@" in raw_part or not _VISIBLE.fullmatch(raw_part) or set("?#") & set(raw_part):
        raise Misfit(f'"{raw_part[:64]}" is not an origin', "Write origins such as https://chat.example.com, no path.")
    return raw_part
