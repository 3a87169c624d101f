"""Whether a notebook still gives the same answers: run again in its image, each output against the stored one.

nbval runs and compares, as a plugin of pytest in a process of its own for each notebook. Import the modules where they
are needed: each has one idea.
"""
