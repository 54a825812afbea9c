"""Judgement: one judge, asked alike for page, bytes and metadata of a file; one small class a rule."""
