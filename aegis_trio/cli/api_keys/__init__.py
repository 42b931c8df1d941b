"""`aegis-trio keys`: the commands on API keys that exist; keygen and rotate make them."""
