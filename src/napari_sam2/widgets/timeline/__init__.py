"""The strip of objects and frames under the viewer."""
