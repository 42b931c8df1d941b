"""The debugging console: an MCP client for people and scripts, on the gate's WebSocket transport.

Room by room: a line becomes a command (line_parser.py), the session runs it on the client, and the outcome is printed
(printer.py). What is pure stands in rooms without Trio: commands, line_parser, completer, catalogue, messages, form,
comparison, outcomes, visible, address.

Law: whatever the server sends is shown in visible characters only; nothing of it reaches a terminal raw.
"""
