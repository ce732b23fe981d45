"""Many pieces of work on a Dask cluster: the runs of a sweep, and pictures.

The client says which worker gets which piece, sends the files that it needs, and takes back what
came of it, part by part. Dask brings the workers, the connections, and knows which are lost.
"""
