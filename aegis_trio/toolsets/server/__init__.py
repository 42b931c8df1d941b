"""Tools about the server and about the identity that the gate uses."""
