"""How each client is told about the gate: exact configuration, ready to paste, in the client's own words."""
