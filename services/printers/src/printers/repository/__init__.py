"""All the SQL of the printers service, by table."""
