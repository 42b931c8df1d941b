"""HTTP: the hardened server, the front that screens and routes, plain REST and health pages."""
