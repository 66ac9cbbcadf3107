"""Tables.

What depends on a runtime version, an access mode or a kind of storage is a row here, never a branch elsewhere.
"""
