"""The documents by which clients find out whom to ask: RFC 9728 and RFC 8414, and where clients look for them.

Laws:
    1. `resource` is exactly the URL that a person types for the endpoint that the document stands for.
    2. `offline_access` is offered by the authorization server alone: it means nothing to a resource.
    3. Only what is built is said: no ID tokens are offered, so none of OpenID's own members stand here.

Source: RFC 9728 sections 2 and 3, RFC 8414 sections 2 and 3, RFC 9207 section 3; MCP 2026-07-28
basic/authorization/authorization-server-discovery; draft-ietf-oauth-client-id-metadata-document section 5.
"""

from __future__ import annotations

from typing import Final

from aegis_trio.auth.broker.request import Resources
from aegis_trio.model.json import JsonObject, JsonValue, encode_json
from aegis_trio.policy.scopes import OFFLINE_ACCESS, default_scopes, offered_scopes, whole_scopes
from aegis_trio.web.oauth.settings import OAuthFlow, OAuthSettings

ABOUT: Final = "/oauth/about"
_RESOURCE: Final = "/.well-known/oauth-protected-resource"
_SERVER: Final = "/.well-known/oauth-authorization-server"
_OPENID: Final = "/.well-known/openid-configuration"
ASSERTION_ALGORITHMS: Final = ("RS256", "ES256", "PS256", "EdDSA")
"""By which a client's assertion may be signed; the same as auth/clients/proving.py takes."""
_SERVED: Final = ("", "/mcp", "/mcp/sse")


def protected_resource(settings: OAuthSettings, resource: str) -> JsonObject:
    """Return the metadata of one protected resource.

    Its scopes are those that a client starts with: one that is told of more asks for all of them at once. At Gitea
    itself it has to, for a grant there keeps its first scope.
    """
    gitea = settings.gitea_issuer or settings.gitea_url
    by_us = settings.flow is OAuthFlow.BROKER
    issuer = settings.public_url if by_us else gitea
    return {
        "resource": resource,
        "authorization_servers": [issuer],
        "scopes_supported": [*(default_scopes() if by_us else whole_scopes(write_mode=settings.write_mode))],
        "bearer_methods_supported": ["header"],
        "resource_name": settings.resource_name,
        "resource_documentation": f"{settings.public_url}{ABOUT}",
    }


def authorization_server(settings: OAuthSettings) -> JsonObject:
    """Return the metadata of our authorization server."""
    url = settings.public_url
    methods: list[JsonValue] = ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"]
    return {
        "issuer": url,
        "authorization_endpoint": f"{url}/oauth/authorize",
        "token_endpoint": f"{url}/oauth/token",
        "registration_endpoint": f"{url}/oauth/register",
        "revocation_endpoint": f"{url}/oauth/revoke",
        "scopes_supported": [*offered_scopes(write_mode=settings.write_mode), OFFLINE_ACCESS],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": [*ASSERTION_ALGORITHMS],
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": [*ASSERTION_ALGORITHMS],
        "client_id_metadata_document_supported": True,
        "authorization_response_iss_parameter_supported": True,
        "service_documentation": f"{url}{ABOUT}",
        "ui_locales_supported": ["en"],
    }


def documents(settings: OAuthSettings) -> dict[str, bytes]:
    """Return every document by the path at which it is looked for."""
    found = _resource_documents(settings, settings.resources)
    if settings.flow is OAuthFlow.BROKER:
        server = encode_json(authorization_server(settings))
        # The form of RFC 8414 for an issuer with a path first; then those of clients that take the endpoint's URL for
        # the issuer, and those that append as OpenID Connect Discovery does.
        for prefix in dict.fromkeys(("", settings.base)):
            for served in _SERVED:
                for name in (_SERVER, _OPENID):
                    found[f"{name}{prefix}{served}"] = server
                    found[f"{prefix}{served}{name}"] = server
    return found


def _resource_documents(settings: OAuthSettings, resources: Resources) -> dict[str, bytes]:
    endpoint, events = resources.urls
    urls = dict(zip(_SERVED, (endpoint, endpoint, events), strict=True))
    return {
        f"{_RESOURCE}{prefix}{served}": encode_json(protected_resource(settings, url))
        for prefix in dict.fromkeys(("", settings.base))
        for served, url in urls.items()
    }
