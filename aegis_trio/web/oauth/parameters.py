"""Parameters of a query or a form, every value of every name, so that what stands twice is seen.

Law: what cannot be read is refused; nothing is guessed, dropped or replaced.

Source: OAuth 2.1 section 3.1; WHATWG URL, application/x-www-form-urlencoded parsing.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from aegis_trio.auth.broker.errors import OAuthCode, OAuthRefused
from aegis_trio.auth.broker.request import MAX_VALUE_CHARS, Parameters, single
from aegis_trio.model.asgi import Headers

MAX_PARAMETERS_BYTES: Final = 32 * 1024
MAX_FIELDS: Final = 64  # OAuth knows about twenty; clients add a few of their own
FORM: Final = "application/x-www-form-urlencoded"


def parse_parameters(raw: bytes) -> Parameters:
    """Return the parameters of a query or a form.

    Raises:
        OAuthRefused: invalid_request: too long, too many, or not UTF-8.
    """
    if len(raw) > MAX_PARAMETERS_BYTES:
        raise OAuthRefused(
            OAuthCode.INVALID_REQUEST, f"the parameters have more than {MAX_PARAMETERS_BYTES} bytes together"
        )
    try:
        text = raw.decode()
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except UnicodeDecodeError:
        raise OAuthRefused(OAuthCode.INVALID_REQUEST, "the parameters are not UTF-8, percent-encoded") from None
    except ValueError:
        raise OAuthRefused(OAuthCode.INVALID_REQUEST, f"there are more than {MAX_FIELDS} parameters") from None
    parameters: dict[str, list[str]] = {}
    for name, value in pairs:
        parameters.setdefault(name, []).append(value)
    return parameters


def parse_form(headers: Headers, raw_body: bytes) -> Parameters:
    """Return the parameters of a posted form.

    Raises:
        OAuthRefused: invalid_request: another kind of body, or one that cannot be read.

    Source: RFC 6749 section 3.2 (the token endpoint takes a form, and nothing else).
    """
    kinds = [value for name, value in headers if name == b"content-type"]
    kind = kinds[0].decode("latin-1").partition(";")[0].strip().lower() if len(kinds) == 1 else ""
    if kind != FORM:
        raise OAuthRefused(OAuthCode.INVALID_REQUEST, f"Content-Type: must be {FORM}")
    return parse_parameters(raw_body)


def required(parameters: Parameters, name: str, *, max_chars: int = MAX_VALUE_CHARS) -> str:
    """Return the one value of a parameter that has to be there.

    Raises:
        OAuthRefused: invalid_request: it is missing, stands twice, or is too long.
    """
    value = single(parameters, name, max_chars=max_chars)
    if value is None:
        raise OAuthRefused(OAuthCode.INVALID_REQUEST, f"{name}: is missing")
    return value
