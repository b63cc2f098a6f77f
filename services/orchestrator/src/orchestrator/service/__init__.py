"""The rules, one file a noun; each call is one transaction, events go out after the commit."""
