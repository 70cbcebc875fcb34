"""A made-up company that writes raw logs in the vendors own formats, with the truth beside them."""
