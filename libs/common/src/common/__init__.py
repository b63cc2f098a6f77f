"""What a second service needs: shapes, settings, errors, auth, database, bus, client, serving."""
