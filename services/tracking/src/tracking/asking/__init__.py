"""Questions about the floor: what is asked, what the facts say, in which words. Pure."""
