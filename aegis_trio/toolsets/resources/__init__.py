"""Resources: what an application attaches to a conversation by its address, one room for each family."""
