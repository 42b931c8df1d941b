"""The commands: from an argument list to settings to the work, and an exit code that says what came of it.

Layer 9. A command is a room with `add_arguments(parser)` and `run(arguments) -> int`; `main.py` lists them.
"""
