"""`python -m app` is `leaverwatch`."""

from app.cli import main

main()
