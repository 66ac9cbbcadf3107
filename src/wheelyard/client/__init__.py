"""The admin's half: what is asked of and done to a workspace through the databricks-sdk, ours or a real one alike."""
