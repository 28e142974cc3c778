"""The append log of the HTTP collector: acknowledged events on disk, in files that the pipelines load.

Belongs here: segments, their sealing after a crash, and where the segments of a source are. Requests and consent do
not.
"""
