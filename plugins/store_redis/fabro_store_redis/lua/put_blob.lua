-- Returns 1, or 0 when the blob is stored already.
return put_blobs(1)
