"""What the plugin does: sessions, work in the background, what a script calls."""
