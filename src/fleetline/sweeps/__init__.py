"""A grid of questions x draws of what is uncertain -> one sorted Parquet file, by any number of workers; questions to it.

`grid` says what is asked, `rows` answers a range of it, `pieces` makes that a chunk's bytes, `local` or `cluster` hands the
chunks out, `folder` keeps them and joins them, `sweep` runs it all, `query` asks the result in SQL.
"""
