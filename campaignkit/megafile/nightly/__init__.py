"""What happens each night: new files into the standing megafile, at once or not at all."""
