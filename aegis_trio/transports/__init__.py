"""The ways in: they carry MCP messages to the gateway and its answers back; all but stdio are plain ASGI callables.

Layer 6. `streamable_http` (POST, GET, DELETE /mcp) and `http_sse` (GET /mcp/sse, POST /mcp/messages) are the doors of
HTTP; `line` is one connection that carries every message, which `websocket` and `stdio` cut into messages;
`desk` does what protocol/dispatch decides; `hub` and `session` keep what outlives one request; `exchange` and
`outbox` are the two ways in which answers wait for their reader; `bell` is how one task waits for everything.

Whom they trust: the web front has checked Host, Origin and method and set `scope["aegis.origin"]`.
"""
