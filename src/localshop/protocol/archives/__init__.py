"""Wheels and sdists from the inside: whether an archive has one meaning, and what it says of itself.

Nothing is unpacked to disk and no code of an archive is run: members pass through in pieces. Everything here
refuses with `UploadRefused` and remarks on what is odd but harmless.
"""
