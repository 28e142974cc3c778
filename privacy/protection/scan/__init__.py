"""Searches every file of a folder for given values, in every form in which a value may be stored.

Belongs here: the search that proves that personal data is in no file in the clear. `needle` lists the forms of a
value, and `matcher` finds all values in one pass. `content` decodes compressed, archived and escaped content. `table`
and `database` decode Parquet, Arrow and SQLite. `folder` reads all files. Content that cannot be decoded is reported,
and its folder does not count as clean. Does not belong here: which files there should be.
"""
