"""Benchmarks: figures as ratios to a limit of the same run, because absolute times mean nothing elsewhere."""
