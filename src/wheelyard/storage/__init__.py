"""Where bytes are kept: transactions, blobs, and the one wall that holds the keys."""
