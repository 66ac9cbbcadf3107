"""Benchmarks: each prints its figures as ratios to a limit measured in the same run, because absolute times mean nothing elsewhere."""
