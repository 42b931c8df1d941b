"""Gitea's REST API: requests and decoders as pure values per area, and one small transport that sends them."""
