"""Write data sets in the form that the other commands read."""
def add_arguments(parser): pass
def run(parser, words): pass
