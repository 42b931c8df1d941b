"""The HTTP side of signing in with Gitea: documents, pages for people, and endpoints for clients.

What happens stands in auth/broker; here requests become its values, and its outcomes become answers.
"""
