"""Reading through to an upstream: pages, files and metadata that are kept from then on."""
