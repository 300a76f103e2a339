"""How the classifier's model was made. Nothing here runs in a server."""
