"""The forms of pages for people: what may be typed, and the sentence when it may not."""
