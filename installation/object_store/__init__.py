"""Files in a folder or in an object store, by one location: a path, or a URL such as s3://bucket/folder.

Belongs here: opening such a place with the setting `storage_options`, copying from and to it, and explaining why it
cannot be used. Does not belong here: what the files mean. Delta tables are in `installation.lakehouse`.
"""
