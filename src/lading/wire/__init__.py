"""The grammar of HTTP that both ends share: pure values and codecs, no sockets."""
