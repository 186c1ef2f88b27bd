"""What a compiled model is written as. Only `emit` knows how PyTorch, Markdown or a shell spell things."""
