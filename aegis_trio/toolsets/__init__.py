"""The MCP tools: one folder per area, each tool a value in the explicit tuple of `catalogue.py`."""
