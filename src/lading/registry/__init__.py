"""The domain: repositories, uploads, and the work that goes on behind them."""
