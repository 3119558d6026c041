"""The report: Results -> one offline HTML page with figures, tables and results.json beside it. Shows, computes nothing."""
