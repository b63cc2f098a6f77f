"""Ids as the contract writes them: a prefix and twelve hexadecimal digits."""

import secrets


def new_id(prefix: str) -> str:
    """A new id, such as `ins_0f3a5c7e9b1d`."""
    return f"{prefix}_{secrets.token_hex(6)}"


def new_lease_token() -> str:
    """A token that nobody can guess: whoever shows it holds the lease."""
    return secrets.token_urlsafe(24)


def plain_key(key: str) -> str:
    """How it is announced that somebody watches this one's pictures without anything drawn."""
    return f"{key}/plain"
