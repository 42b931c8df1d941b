"""Records for other systems: each form is a pure function of one record; a cursor says how far they were delivered.

Law: what identifies a record in every form is its leaf hash, so that a receiver can drop what it got twice.
"""
