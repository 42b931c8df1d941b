"""Alerts: what people should look at now, sent to a chat or a webhook, and never in the way of a call."""
