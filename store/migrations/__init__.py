"""Steps from one shape of the records database to the next."""
