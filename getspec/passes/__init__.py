"""Folds over the compiled model: each adds up what the ops know, and none names an op."""
