# -*- coding: utf-8 -*-
"""The front door for a machine with nothing but Python and git: `python3 tools/just.py RECIPE [ARGUMENT…]`.

It makes what the recipe needs on first use and then runs `just`; with `just` installed, `just RECIPE` is the same.

Law: this file parses on every Python since 2.7, because it is the one that has to say "too old". All else is in
recipes.py and what it imports, which only a new enough Python ever reads.
"""

import os
import sys

if sys.version_info < (3, 11):
    sys.stderr.write(
        "tools/just.py: this is Python %d.%d, but 3.11 or newer is needed: install it and run"
        " `python3.11 tools/just.py` instead.\n" % sys.version_info[:2]
    )
    sys.exit(69)

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import recipes

sys.exit(recipes.main(sys.argv[1:]))
