"""Machine learning only: what a person's day looks like in numbers, and what is unusual about it."""
