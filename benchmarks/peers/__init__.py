"""What quotastream is measured beside; each is a program of its own."""
