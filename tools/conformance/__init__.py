"""The official MCP conformance suite, run against a gate with its front door shut, and what its results are worth.

    jobs.py            what is run: the fixtures, and the product as it is
    servers.py         the server under test: started as a program, asked before and after the suite
    issuers.py         authorization servers: a person signs in there, and the suite looks on
    suite.py           the suite itself: a Node program, run once for each revision
    scores.py          from the suite's result files to figures
    needs.py           what a scenario needs of a server in order to mean anything
    authorization.mjs  puts the key into the suite's requests, which has no option for it
    product.txt        what the product passes as it is, revision and scenario

Laws:
    1. Figures come from the suite's result files, never from what it prints; its exit status may only lower them.
    2. A scenario counts when a check of its own succeeded and none failed or warned. One that executed nothing, or
       that a server without the fixture would pass as well, does not count.
    3. A server that does not answer, with the key and only with it, before and after the suite, has no figures: most
       checks of this suite are satisfied by a refused connection.
"""
