"""Rules over columns: tag, correlate, judge, score, explain."""
