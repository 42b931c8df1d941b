"""What an authorization server refuses, in the words of its RFCs.

Laws:
    1. `description` never repeats what was sent.
    2. Whether a refusal may be sent to the client's redirect URI is decided by where it arose (request.py).

Source: RFC 6749 sections 4.1.2.1 and 5.2, RFC 8707 section 2, RFC 7591 section 3.2.2.
"""

from __future__ import annotations

from enum import StrEnum
from typing import final


class OAuthCode(StrEnum):
    """Error codes of OAuth."""

    INVALID_REQUEST = "invalid_request"
    INVALID_CLIENT = "invalid_client"
    INVALID_GRANT = "invalid_grant"
    UNAUTHORIZED_CLIENT = "unauthorized_client"
    UNSUPPORTED_GRANT_TYPE = "unsupported_grant_type"
    UNSUPPORTED_RESPONSE_TYPE = "unsupported_response_type"
    INVALID_SCOPE = "invalid_scope"
    INVALID_TARGET = "invalid_target"
    ACCESS_DENIED = "access_denied"
    SERVER_ERROR = "server_error"
    TEMPORARILY_UNAVAILABLE = "temporarily_unavailable"
    INVALID_REDIRECT_URI = "invalid_redirect_uri"
    INVALID_CLIENT_METADATA = "invalid_client_metadata"


@final
class OAuthRefused(Exception):
    """A request to the authorization server is refused; the text may be shown."""

    def __init__(self, code: OAuthCode, description: str) -> None:
        super().__init__(f"{code.value}: {description}")
        self.code = code
        self.description = description
