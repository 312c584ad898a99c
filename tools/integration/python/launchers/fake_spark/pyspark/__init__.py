"""Enough of pyspark to see what a launcher does with it: the session takes until a file says so."""
