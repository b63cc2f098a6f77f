"""Where pictures come from: one file a kind of source, and the decoding that they share."""
