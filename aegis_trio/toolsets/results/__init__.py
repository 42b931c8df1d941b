"""Going on with replies that did not fit into one answer."""
