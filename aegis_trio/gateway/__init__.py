"""The one door: every transport, and the plain REST endpoints, reach tools only through here."""
