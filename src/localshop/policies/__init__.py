"""Judgement: one judge, asked alike for the page, the bytes and the metadata of a file."""
