"""Wire shapes shared by the services: pydantic models and nothing else."""
