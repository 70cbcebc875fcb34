"""Telling people and systems outside of what happened: whom, when, in which words, and safely."""
