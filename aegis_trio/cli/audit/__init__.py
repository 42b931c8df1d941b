"""`aegis-trio audit`: the audit log, for its operator and for whoever has to believe it."""
