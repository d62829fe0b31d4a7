"""What the server tells about itself: metrics, health, traces, mail to its operators."""
