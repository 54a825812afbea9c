"""The only tables: models, named reads and writes, and the job queue."""
