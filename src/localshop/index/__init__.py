"""The Simple API, plain ASGI: no Django's request handler, no thread, no ORM on the hot path."""
