"""Feeds: what they hold, how a file gets in, and the prepared pages that come out."""
