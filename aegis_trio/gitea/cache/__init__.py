"""The cache: content that cannot change is kept once, and everybody who reads it is looked at by Gitea all the same.

Laws:
    1. Kept is what an id names that git makes from the content: a blob by its own id, checked here; a tree's page by
       the id of its commit or tree. Nothing is kept by the name of a branch or tag.
    2. Nobody gets kept content unless Gitea has shown that same caller, in that same repository and within the last
       `PERMISSION_TTL_S` seconds, that the commit is there and readable. What Gitea showed another caller counts for
       nothing.
    3. 401, 403 and 404 for a caller, and the end of a credential, forget what that caller was shown.
    4. It is bounded by bytes, and by numbers of what has no bytes worth counting.

Not here: bounds of keys and rights of tools; both stand above it, so a kept answer passes them like any other.
"""
