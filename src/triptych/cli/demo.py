"""Make a street clip, fit it, and score held-out frames against exact truth."""
def add_arguments(parser): pass
def run(parser, words): pass
