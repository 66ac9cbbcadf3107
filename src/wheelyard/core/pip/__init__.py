"""pip's own rules, and uv's: which of the values that reach an installer is the one it uses."""
