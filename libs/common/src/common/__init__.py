"""What a second service needs: wire shapes, settings, errors, auth, database, bus, client, serving."""
