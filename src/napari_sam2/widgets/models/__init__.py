"""The Models widget and the chooser of the model."""
