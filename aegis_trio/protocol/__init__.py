"""MCP without input or output: bytes and headers in, decisions and bytes out.

Layer 1. The way of one message: `json_reader` → `ladder` (which uses `headers` and `jsonrpc`) → `dispatch`
(which uses `revisions` and `wire`) → what the transport must do → `results` → `jsonrpc` → `sse`.
"""
