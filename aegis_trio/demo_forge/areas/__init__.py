"""The areas of Gitea's API, one room each: a table of routes and the handlers that answer them.

Law: a handler's answer is proven by recorded exchanges; what a recording does not show is refused with 501.
"""
