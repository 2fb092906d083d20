"""Scores: reads what prediction wrote, one protocol a file."""
