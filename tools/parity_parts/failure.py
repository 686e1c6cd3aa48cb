"""The one error that ends a comparison with a message instead of a traceback."""


class Failure(Exception):
    """Says what was being done, why it failed and what to do."""
