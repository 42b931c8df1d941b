"""Pages: what lies beside the API, for browsers and for OAuth's programs; plain HTML that needs no script.

`browser` (sessions, signing in and out), `consent` (authorising an application), `tokens` (the token endpoint),
`inspection` (discovery, keys, introspection, userinfo), `settings` (a person's grants), `html` (how a page looks).
"""
