"""The long tail: every operation of Gitea's API that no tool of ours has, found by words and asked by its name."""
