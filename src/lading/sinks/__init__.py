"""Those who are told what happened: how a notice is written, and how it is handed over."""
