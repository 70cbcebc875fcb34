"""The command line: a contract that scripts rely on."""

def main() -> None:
    """Entry point of the console script."""
