"""`aegis-trio oauth`: the commands of signing in: setting it up, looking at what was granted, and ending it."""
