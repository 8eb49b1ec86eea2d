"""The measurements, each with the peer beside it in the same run."""
