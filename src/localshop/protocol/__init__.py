"""The standards, pure: names, file names, page records, readers, writers, negotiation, wheels.

Nothing in this room knows Django, an HTTP client, a clock or a setting: values come in, values go out.
"""
