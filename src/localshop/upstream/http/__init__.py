"""HTTP, as upstreams speak it. This is the only room that knows the HTTP client (aiohttp)."""
