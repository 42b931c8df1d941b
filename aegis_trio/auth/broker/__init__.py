"""The broker: our own authorization server, which sends people to Gitea's login and gives tokens of its own.

The way of a sign-in: `request` (what a client asks for) → `consent` (what a person agrees to) → `upstream` (Gitea's
login) → `codes` → `tokens` → `people` (whose Gitea token a call uses). Everything is values in, decisions out; HTTP
stands in web/oauth.
"""
