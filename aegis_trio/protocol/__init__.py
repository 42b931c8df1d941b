"""MCP without input or output: bytes and headers in, decisions and bytes out.

Layer 1. The way of one message: `json_reader` → `ladder` (which uses `headers` and `jsonrpc`) → `dispatch`
(which uses `revisions` and `wire`) → what the transport must do → `results` → `jsonrpc` → `sse`.
Beside that way: what a client keeps for us, sealed (`cursors`, `request_state`; `spent_states` for what counts once),
arguments mirrored into headers (`param_headers`), and whose trace it is (`trace_context`).
"""
