"""What calls of models use and may use: the ledger, budgets, rate limits and statistics."""
