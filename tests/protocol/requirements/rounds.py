"""Rows of questions to the client: multi-round-trip requests, and elicitation.

Source: MCP 2026-07-28 basic/patterns/mrtr, client/elicitation; MCP 2025-11-25 client/elicitation.
"""

from __future__ import annotations

from typing import Final

from tests.protocol.requirements.requirement import ALL, MODERN, Requirement

_ROUNDS: Final = "questions to the client inside results (MRTR) are not built yet"
_ELICITATION: Final = "elicitation is not built yet"
_PAGE: Final = "MCP 2026-07-28 basic/patterns/mrtr"
_FORMS: Final = "MCP 2026-07-28 client/elicitation"

ROWS: Final = (
    Requirement(
        id="MCP-MRTR-01",
        text="Only `tools/call`, `prompts/get` and `resources/read` are answered with `input_required`.",
        source=f"{_PAGE}#supported-requests",
        revisions=MODERN,
        pending=_ROUNDS,
    ),
    Requirement(
        id="MCP-MRTR-02",
        text="A result that asks holds input requests, a request state, or both.",
        source=f"{_PAGE}#server-requirements-basic-workflow",
        revisions=MODERN,
        pending=_ROUNDS,
    ),
    Requirement(
        id="MCP-MRTR-03",
        text="A retry under a new id with the responses and the exact state goes on where the first request stopped.",
        source=f"{_PAGE}#basic-workflow",
        revisions=MODERN,
        pending=_ROUNDS,
    ),
    Requirement(
        id="MCP-MRTR-04",
        text="A request state of which a byte was changed is refused.",
        source=f"{_PAGE}#server-requirements-basic-workflow",
        revisions=MODERN,
        pending=_ROUNDS,
    ),
    Requirement(
        id="MCP-MRTR-05",
        text="A request state is good for its principal, its method and its parameters only, and for a short time.",
        source=f"{_PAGE}#server-requirements-basic-workflow",
        revisions=MODERN,
        pending=_ROUNDS,
    ),
    Requirement(
        id="MCP-MRTR-06",
        text="A confirmation of something that cannot be undone is used once.",
        source=f"{_PAGE}#server-requirements-basic-workflow",
        revisions=MODERN,
        pending=_ROUNDS,
    ),
    Requirement(
        id="MCP-MRTR-07",
        text="A client is asked only what this request says that it can answer; `elicitation: {}` is forms alone.",
        source=f"{_PAGE}#server-requirements-basic-workflow",
        revisions=MODERN,
        pending=_ROUNDS,
    ),
    Requirement(
        id="MCP-MRTR-08",
        text="Missing or wrong responses are asked for again.",
        source=f"{_PAGE}#error-handling",
        revisions=MODERN,
        pending=_ROUNDS,
    ),
    Requirement(
        id="MCP-MRTR-09",
        text="Responses to questions that were not asked are ignored.",
        source=f"{_PAGE}#error-handling",
        revisions=MODERN,
        pending=_ROUNDS,
    ),
    Requirement(
        id="MCP-MRTR-10",
        text="A result that asks is never cacheable.",
        source="MCP 2026-07-28 server/utilities/caching#cacheable-results",
        revisions=MODERN,
        pending=_ROUNDS,
    ),
    Requirement(
        id="MCP-ELIC-01",
        text="A form asks for no secret, and its schema is one flat object of primitive members.",
        source=f"{_FORMS}#requested-schema",
        revisions=ALL[2:],
        pending=_ELICITATION,
    ),
    Requirement(
        id="MCP-ELIC-02",
        text="A question with an address holds no personal data and no way in, and the address is HTTPS.",
        source=f"{_FORMS}#safe-url-handling",
        revisions=ALL[3:],
        pending=_ELICITATION,
    ),
    Requirement(
        id="MCP-ELIC-03",
        text="Who opens the address is the one who started the request, or nothing is accepted.",
        source=f"{_FORMS}#phishing",
        revisions=ALL[3:],
        pending=_ELICITATION,
    ),
    Requirement(
        id="MCP-ELIC-04",
        text="A question with an address never authorizes anybody to this server.",
        source=f"{_FORMS}#url-mode-elicitation-for-oauth-flows",
        revisions=ALL[3:],
        pending=_ELICITATION,
    ),
    Requirement(
        id="MCP-ELIC-05",
        text="What destroys at Gitea waits for a confirmation that no argument of the model can give.",
        source=f"{_FORMS}#user-interaction-model",
        revisions=ALL,
        pending=_ELICITATION,
    ),
    Requirement(
        id="MCP-ELIC-06",
        text="A declined or cancelled question ends the call without effect.",
        source=f"{_FORMS}#response-actions",
        revisions=ALL[2:],
        pending=_ELICITATION,
    ),
)
